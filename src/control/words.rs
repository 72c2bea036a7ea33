//! Tencent's words as control requests and answers spell them: as Tencent does.

use crate::sns::model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) enum AllowType {
    #[serde(rename = "AllowType_Type_AllowAny")]
    AllowAny,
    #[serde(rename = "AllowType_Type_NeedConfirm")]
    NeedConfirm,
    #[serde(rename = "AllowType_Type_DenyAny")]
    DenyAny,
}

impl From<AllowType> for model::AllowType {
    fn from(word: AllowType) -> Self {
        match word {
            AllowType::AllowAny => Self::AllowAny,
            AllowType::NeedConfirm => Self::NeedConfirm,
            AllowType::DenyAny => Self::DenyAny,
        }
    }
}

impl From<model::AllowType> for AllowType {
    fn from(allow_type: model::AllowType) -> Self {
        match allow_type {
            model::AllowType::AllowAny => Self::AllowAny,
            model::AllowType::NeedConfirm => Self::NeedConfirm,
            model::AllowType::DenyAny => Self::DenyAny,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) enum AdminForbidType {
    #[serde(rename = "AdminForbid_Type_None")]
    None,
    #[serde(rename = "AdminForbid_Type_SendOut")]
    SendOut,
}

impl From<AdminForbidType> for model::AdminForbidType {
    fn from(word: AdminForbidType) -> Self {
        match word {
            AdminForbidType::None => Self::None,
            AdminForbidType::SendOut => Self::SendOut,
        }
    }
}

impl From<model::AdminForbidType> for AdminForbidType {
    fn from(forbid: model::AdminForbidType) -> Self {
        match forbid {
            model::AdminForbidType::None => Self::None,
            model::AdminForbidType::SendOut => Self::SendOut,
        }
    }
}
