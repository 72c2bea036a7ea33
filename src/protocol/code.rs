//! The table of outcomes: the number, the text, when it occurs, and how number and text are known.
//!
//! Each row is an outcome. Several outcomes can have the same number: published clients detect
//! "already friends" by 30001 with the text `Err_SNS_FriendAdd_Friend_Exist`, while 30001 alone
//! means any invalid parameter. One enum has both ErrorCode (of a call) and ResultCode (of an
//! item), because Tencent has one number space. A new outcome is a new row here, and
//! its advice in `gateway::advice`.
//!
//! Most texts of Tencent name the command. In a text that several commands share, `<Api>` stands
//! for `FriendAdd`, `BlackListAdd` and so on. The basis of such a text is the evidence for the
//! best-known command; for the other commands, the text is inferred.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The placeholder for the command's name in a text.
pub const API: &str = "<Api>";

/// How a fact about Tencent's service is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Documented by Tencent.
    Documented,
    /// Seen in a real answer, in a log, or in the code of a client.
    Seen {
        /// The year of the record, if it is known.
        year: Option<u16>,
    },
    /// Follows from what is documented or seen.
    Inferred,
    /// Our choice: no public source says it.
    Guess,
}

/// As `GET codes` writes it.
impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Documented => f.write_str("documented"),
            Self::Seen { year: Some(year) } => write!(f, "seen {year}"),
            Self::Seen { year: None } => f.write_str("seen"),
            Self::Inferred => f.write_str("inferred"),
            Self::Guess => f.write_str("guess"),
        }
    }
}

/// Which answer to give where a record of the real service contradicts the documentation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Answers {
    /// The answer of the documentation, the default.
    #[default]
    Documented,
    /// The answer of the record.
    Recorded,
}

/// What a record shows of an item where the documentation says something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Recorded {
    /// The commands whose answers the record shows.
    pub commands: &'static [&'static str],
    /// The years of the records.
    pub years: &'static str,
    /// The item's ResultCode.
    #[serde(rename = "code")]
    pub number: u32,
    /// The item's ResultInfo.
    pub info: &'static str,
}

macro_rules! codes {
    (@basis Seen $year:literal) => { Basis::Seen { year: Some($year) } };
    (@basis Seen) => { Basis::Seen { year: None } };
    (@basis $basis:ident) => { Basis::$basis };
    (@recorded) => { None };
    (@recorded [$( $command:literal )*] $years:literal $number:literal $info:literal) => {
        Some(Recorded { commands: &[$( $command ),*], years: $years, number: $number, info: $info })
    };
    ($(
        $name:ident = $number:literal, $info:literal,
        $number_basis:ident $($number_year:literal)? / $info_basis:ident $($info_year:literal)?,
        $meaning:literal
        $(, recorded $commands:tt $years:literal: $recorded_number:literal $recorded_info:literal)?;
    )*) => {
        /// One outcome of a call or of an item.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $( #[doc = $meaning] $name, )* }

        impl Code {
            /// All outcomes, in the order of the table.
            pub const ALL: &[Self] = &[ $( Self::$name, )* ];

            /// The ErrorCode or ResultCode.
            pub const fn number(self) -> u32 {
                match self { $( Self::$name => $number, )* }
            }

            /// The ErrorInfo or ResultInfo, or its beginning, with `<Api>` for the command's name.
            pub const fn info(self) -> &'static str {
                match self { $( Self::$name => $info, )* }
            }

            /// When the outcome occurs.
            pub const fn meaning(self) -> &'static str {
                match self { $( Self::$name => $meaning, )* }
            }

            /// How the number of this outcome is known.
            pub const fn number_basis(self) -> Basis {
                match self { $( Self::$name => codes!(@basis $number_basis $($number_year)?), )* }
            }

            /// How the text is known.
            pub const fn info_basis(self) -> Basis {
                match self { $( Self::$name => codes!(@basis $info_basis $($info_year)?), )* }
            }

            /// What a record shows instead, if one contradicts the documentation.
            pub const fn recorded(self) -> Option<Recorded> {
                match self {
                    $( Self::$name => codes!(
                        @recorded $($commands $years $recorded_number $recorded_info)?
                    ), )*
                }
            }

            /// The row's name, which the control API and tests use.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$name => stringify!($name), )* }
            }
        }
    };
}

codes! {
    Ok = 0, "", Documented / Documented, "Done.", recorded ["friend_delete" "black_list_add" "black_list_delete"] "2018 to 2020": 0 "OK";

    // The gateway: every service's calls.
    HttpParse = 60002, "HTTP parse Error", Documented / Documented, "The path is not `/v4/<service>/<command>`.";
    NotJson = 60003, "The request body is not JSON", Documented / Guess, "The body is not JSON, or (guess) is empty or over `max_body_bytes`.";
    TooManyCalls = 60007, "The call frequency of this REST API is over its limit", Documented / Guess, "No token is left for this app and command.";
    RequestFormat = 60008, "service timeout or request format error,please check and try again", Seen / Documented, "The method is not POST, or the body was cut off or did not arrive in time.";
    NoSuchCommand = 60009, "The requested resource does not exist, please check the URL", Inferred / Guess, "The path is well formed, but there is no such command.";
    NotAdminGateway = 60010, "The identifier is not an app admin", Documented / Guess, "`identifier` is not an app admin, when `non_admin_code = 60010`.";
    NoSdkAppId = 60012, "Rest Api need sdkappid", Documented / Seen 2020, "`sdkappid` is missing or empty.";
    BadReply = 60013, "The reply of the service is not JSON", Documented / Guess, "A stub's answer template failed; the log has the reason.";
    AccountNotAString = 60015, "The account in the request body is not a string", Inferred / Guess, "An account in the body is not a JSON string.";
    ServiceOverload = 60022, "OPEN_SERVICE_OVERLOAD_ERROR", Seen / Guess, "The service is overloaded. Only when scripted.";
    BadParameter = 60025, "A request parameter in the URL is wrong", Inferred / Guess, "A URL parameter is missing or wrong; the text names it.";
    SigExpired = 70001, "The UserSig in use is expired", Documented / Seen, "The UserSig has expired.";
    SigIllegal = 70003, "The UserSig in use is illegal. Please regenerate UserSig through official API. (FYI: https://cloud.tencent.com/document/product/269/32688 )", Documented / Seen, "The UserSig cannot be decoded, or lacks a field.";
    SigKey = 70009, "UserSig verification Failed. The UserSig in use maybe generated by Secret Key from other SDKAppID. Please regenerate UserSig by Secret Key from its own SDKAppID.", Seen 2022 / Seen 2022, "The UserSig was signed with another key.";
    SigIdentifier = 70013, "The requested UserID does not match the Usersig", Documented / Inferred, "The UserSig belongs to another identifier.";
    SigSdkAppId = 70014, "The requested SDKAppID does not match the Usersig", Seen 2021 / Seen 2021, "The UserSig belongs to another app.";
    NoSuchApp = 70020, "The SDKAppID does not exist", Documented / Guess, "No app has this SDKAppID.";

    // sns: the relationship chain.
    SnsDecode = 30001, "SNS_DECODE_ERR", Seen / Seen, "The body is JSON, but a field is missing or wrong; the hint names it.";
    ToAccountIllegal = 30001, "Err_SNS_<Api>_To_Account_Illegal", Documented / Guess, "To_Account is empty, over 32 bytes, or not printable ASCII.";
    AddSelf = 30001, "Err_SNS_<Api>_Add_Self", Guess / Guess, "To_Account is From_Account.";
    SourceIllegal = 30001, "Err_SNS_<Api>_Source_Illegal", Seen / Seen, "AddSource is not `AddSource_Type_` and 1 to 8 letters; or friend_import lacks it.";
    RemarkTooLong = 30001, "Err_SNS_<Api>_Req_Remark_Len_Illegal", Documented / Inferred, "Remark is over 96 bytes.";
    GroupNameTooLong = 30001, "Err_SNS_<Api>_Req_Group_Name_Len_Illegal", Documented / Seen 2019, "GroupName is over 30 bytes; in group_add, group_delete and group_get also if it is empty, and the whole call fails.";
    WordingTooLong = 30001, "Err_SNS_<Api>_Req_Add_Wording_Len_Illegal", Documented / Inferred, "AddWording is over 256 bytes.";
    TagIllegal = 30001, "Err_SNS_<Api>_Tag_Illegal", Documented / Guess, "The Tag is not writable (friend_update: only Remark, Group and custom fields), or is a custom field that the app does not declare.";
    ValueIllegal = 30001, "Err_SNS_<Api>_Value_Illegal", Documented / Guess, "The Value does not fit its Tag, or is over 500 bytes.";
    // The record of 30520, the headers of Tencent's old SDKs, shows no text.
    FriendExist = 30001, "Err_SNS_FriendAdd_Friend_Exist", Documented / Seen 2026, "To_Account is already in From_Account's friend list.", recorded ["friend_add"] "before 2019": 30520 "Err_SNS_FriendAdd_Friend_Exist";
    FriendNotExist = 30001, "Err_SNS_<Api>_Friend_Not_Exist", Documented / Documented, "friend_get_list, friend_update: To_Account is not in From_Account's friend list.";
    AlreadyBlocked = 30001, "Err_SNS_BlackListAdd_Already_Exist", Documented / Documented, "To_Account is already on From_Account's blocklist.";
    NotBlocked = 30001, "Err_SNS_BlackListDelete_Not_Exist", Documented / Guess, "To_Account is not on From_Account's blocklist.";
    SdkAppIdIllegal = 30002, "Err_SNS_<Api>_SdkAppId_Illegal", Documented / Documented, "The SDKAppID does not match. Only when scripted.";
    ImportSdkAppIdIllegal = 30002, "Err_SNS_FriendImport_SdkAppId_Illegal", Documented / Documented, "The SDKAppID does not match, with the text of friend_update's sample, which names friend_import. Only when scripted.";
    GroupSdkAppIdIllegal = 30002, "ERR_SDKAPPID_ILLEGAL", Documented / Documented, "The SDKAppID does not match, with the text of group_add's sample. Only when scripted.";
    FromAccountNotExist = 30003, "Err_Sns_Invalid_Account", Seen 2018 / Seen 2018, "From_Account is not imported: the whole call fails.";
    ToAccountNotExist = 30003, "Err_SNS_<Api>_To_Account_Not_Exist", Documented / Guess, "To_Account is not imported.";
    NotAdmin = 30004, "Err_SNS_<Api>_Need_App_Admin", Documented / Guess, "`identifier` is not an app admin.";
    SensitiveWord = 30005, "Err_SNS_<Api>_Sensitive_Word", Documented / Guess, "A field has a sensitive word (pages until 2021). Only when scripted.";
    Internal = 30006, "Err_SNS_<Api>_Unpack_Profile_Data_Fail", Documented / Documented, "Internal error. Only when scripted.";
    CheckRelationFail = 30006, "Err_SNS_FriendCheck_Check_Relation_Exec_Task_Fail", Documented / Documented, "Internal error, with the text of friend_check's sample. Only when scripted.";
    CheckBlocklistError = 30006, "Err_SNS_BlackListCheck_Check_Reverse_BlackList_Fail", Documented / Documented, "Internal error, with the text of black_list_delete's sample, which names black_list_check. Only when scripted.";
    NetworkTimeout = 30007, "Err_SNS_<Api>_Network_Timeout", Documented / Guess, "Network timeout. Only when scripted.";
    CheckBlocklistFail = 30007, "Err_SNS_BlackListCheck_Check_Reverse_BlackList_Fail", Documented / Documented, "Network timeout, with the text of black_list_check's sample. Only when scripted.";
    WriteConflict = 30008, "Err_SNS_<Api>_Write_Conflict", Documented / Guess, "Concurrent writes conflicted. Only when scripted: writes in the emulator never conflict.";
    ForbidByAdmin = 30009, "Err_SNS_FriendAdd_Forbid_By_Admin", Documented / Seen, "From_Account is forbidden to add friends (`AdminForbid_Type_SendOut`).";
    MyFriendsFull = 30010, "Err_SNS_<Api>_My_Friend_Num_Exceed_Threshold", Documented / Documented, "From_Account's friend list is full.";
    GroupsFull = 30011, "Err_SNS_<Api>_Group_Num_Exceed_Threshold", Documented / Documented, "A GroupName is new, and From_Account has the maximum number of groups.";
    PendingFull = 30012, "Err_SNS_FriendAdd_Pendency_Num_Exceed_Threshold", Documented / Guess, "The request is new, and one of the two accounts has the maximum number of pending requests.";
    BlocklistFull = 30013, "Err_SNS_BlackListAdd_BlackList_Num_Exceed_Threshold", Documented / Guess, "From_Account's blocklist is full.";
    PeerFriendsFull = 30014, "Err_SNS_FriendAdd_Peer_Friend_Num_Exceed_Threshold", Documented / Guess, "To_Account's friend list is full.";
    InMyBlocklist = 30515, "Err_SNS_FriendAdd_In_Self_BlackList", Documented / Guess, "To_Account is on From_Account's blocklist.";
    DenyAny = 30516, "Err_SNS_FriendAdd_Friend_Allow_Type_Forbid", Documented / Seen 2020, "To_Account refuses all friend requests (`AllowType_Type_DenyAny`).";
    InPeerBlocklist = 30525, "Err_SNS_FriendAdd_Reverse_Black_List", Documented / Seen, "From_Account is on To_Account's blocklist.";
    NeedConfirm = 30539, "Err_SNS_FriendAdd_Friend_Allow_Type_Need_Confirm", Documented / Guess, "To_Account has to confirm (`AllowType_Type_NeedConfirm`): the request is pending.";
    TooManyRequests = 30540, "Err_SNS_FriendAdd_Spam_Filter", Documented / Guess, "Too many friend requests in a short time: over `max_requests_per_minute`, or when scripted.";
    NotFriend = 31704, "Err_SNS_FriendDelete_Not_Friend", Documented / Seen 2020, "To_Account is not in From_Account's friend list, so it cannot be deleted.";
    TooManyDeletions = 31707, "Err_SNS_FriendDelete_Spam_Filter", Documented / Guess, "Too many deletions in a short time. Only when scripted.";
    NotInFriendList = 32216, "Err_SNS_GroupAdd_ToTinyId_Not_Friend", Documented / Documented, "group_add: To_Account is not in From_Account's friend list.", recorded ["group_add"] "2020": 30001 "Err_SNS_GroupAdd_Friend_Not_Exist";

    // profile.
    ProfileDecode = 40001, "Err_Profile_Comm_Decode_Fail", Documented / Documented, "The body is JSON, but a field is missing or wrong; the text names it.";
    ProfileNoAccount = 40002, "Err_Profile_To_Account_Empty", Documented / Seen 2020, "portrait_get: To_Account is an empty list.";
    ProfileAccountNotExist = 40003, "Err_Profile_<Api>_Account_Not_Exist", Documented / Guess, "The account is not imported.";
    ProfileNotAdmin = 40004, "Err_Profile_<Api>_Need_App_Admin", Documented / Guess, "`identifier` is not an app admin.";
    ProfileSensitive = 40005, "Err_Profile_<Api>_Sensitive_Word", Documented / Guess, "A value has a sensitive word (older pages). Only when scripted.";
    ProfileInternal = 40006, "Err_Profile_<Api>_Read_Custom_Data_Fail", Documented / Documented, "Internal error. Only when scripted.";
    ProfileNoReadRight = 40007, "Err_Profile_<Api>_No_Read_Right", Documented / Guess, "The Tag is not readable. Only when scripted.";
    ProfileNoWriteRight = 40008, "Err_Profile_<Api>_No_Write_Right", Documented / Guess, "The Tag is not writable. Only when scripted.";
    ProfileTagNotExist = 40009, "Err_Profile_<Api>_Tag_Not_Exist", Documented / Guess, "The Tag is neither a standard Tag nor a custom field that the app declares.";
    ProfileTooLong = 40601, "Err_Profile_<Api>_Value_Too_Long", Documented / Guess, "A value is over 500 bytes.";
    ProfileValueIllegal = 40605, "Err_Profile_<Api>_Value_Illegal", Documented / Guess, "The value of a standard Tag is not allowed (inferred), or too long.";
    ProfileTypeIllegal = 40610, "Err_Profile_<Api>_Type_Illegal", Documented / Guess, "The type of a value does not fit its Tag.";

    // im_open_login_svc: accounts.
    AccountNotExist = 70107, "Err_TLS_PT_Open_Login_Account_Not_Exist", Documented / Documented, "account_delete: the account is not imported.";
    AccountTimeout = 70169, "Err_TLS_PT_Open_Login_Timeout", Documented / Guess, "Internal timeout. Only when scripted.";
    AccountQueryTimeout = 70202, "Err_TLS_PT_Open_Login_Query_Timeout", Documented / Guess, "Internal timeout. Only when scripted.";
    AccountsFull = 70398, "Err_TLS_Account_Num_Exceed_Threshold", Documented / Seen 2019, "A trial app has the maximum number of accounts. Only when scripted.";
    AccountDeleted = 70399, "Err_TLS_PT_Open_Login_Account_Recently_Deleted", Documented / Guess, "The account was deleted recently. Only when scripted: in the emulator, as in a trial app, it can be imported again at once.";
    AccountParameter = 70402, "Invaild parameters.", Documented / Seen, "A field is missing or wrong; the text names it.";
    AccountNotAdmin = 70403, "Err_TLS_PT_Open_Login_Need_App_Admin", Documented / Guess, "`identifier` is not an app admin.";
    AccountInternal = 70500, "Err_TLS_PT_Open_Login_Internal", Documented / Guess, "Internal error. Only when scripted.";
    DeletionRefused = 71000, "Err_TLS_PT_Open_Login_Delete_Not_Allowed", Inferred / Guess, "account_delete: an app admin cannot be deleted (guess: documented for an app that allows no deletion).";

    // openim and all_member_push: messages. Only stubs.
    MessageNotJson = 90001, "Fail to Parse json data of body, Please check it", Documented / Documented, "openim, all_member_push: the body is not JSON, or (guess) is empty or over `max_body_bytes`.";
    MessageBody = 90002, "Invalid MsgBody", Documented / Guess, "MsgBody is missing or not an array.";
    MessageReceiver = 90003, "Invalid To_Account", Documented / Guess, "To_Account is missing or of the wrong type.";
    MessageRandom = 90005, "Invalid MsgRandom", Documented / Guess, "MsgRandom is missing or not an integer.";
    MessageNotAdmin = 90009, "The request needs the permission of an app admin", Documented / Guess, "openim, all_member_push: `identifier` is not an app admin.";
    MessageFormat = 90010, "The request does not have the format of a message", Documented / Guess, "openim, all_member_push: another field is missing or wrong; the text names it.";

    // group_open_http_svc: groups. Only stubs.
    GroupParameter = 10004, "Invalid parameter", Documented / Guess, "group_open_http_svc: a field is missing or wrong; the text names it.";
    GroupNotAllowed = 10007, "No permission for this operation", Documented / Guess, "group_open_http_svc: `identifier` is not an app admin.";
}

/// The outcomes that only an item can have: they are about its To_Account or its fields.
const OF_ITEMS: [Code; 27] = [
    Code::ToAccountIllegal,
    Code::AddSelf,
    Code::SourceIllegal,
    Code::RemarkTooLong,
    Code::WordingTooLong,
    Code::TagIllegal,
    Code::ValueIllegal,
    Code::FriendExist,
    Code::FriendNotExist,
    Code::AlreadyBlocked,
    Code::NotBlocked,
    Code::ToAccountNotExist,
    Code::ForbidByAdmin,
    Code::MyFriendsFull,
    Code::PendingFull,
    Code::BlocklistFull,
    Code::PeerFriendsFull,
    Code::InMyBlocklist,
    Code::DenyAny,
    Code::InPeerBlocklist,
    Code::NeedConfirm,
    Code::TooManyRequests,
    Code::NotFriend,
    Code::TooManyDeletions,
    Code::NotInFriendList,
    Code::AccountNotExist,
    Code::DeletionRefused,
];

/// The outcomes that only a whole call can have, although items can have the numbers of some.
const OF_CALLS: [Code; 12] = [
    Code::SnsDecode,
    Code::FromAccountNotExist,
    Code::NotAdmin,
    Code::ProfileDecode,
    Code::ProfileNoAccount,
    Code::ProfileNotAdmin,
    Code::ProfileTagNotExist,
    Code::ProfileTooLong,
    Code::ProfileValueIllegal,
    Code::ProfileTypeIllegal,
    Code::AccountParameter,
    Code::AccountNotAdmin,
];

impl Code {
    /// Whether the code belongs to the gateway or the account service: their answers have no
    /// ErrorDisplay.
    pub fn is_gateway(self) -> bool {
        self.number() >= 60000
    }

    /// Whether a whole call can have this outcome: a failure that is not about one item.
    pub fn is_calls(self) -> bool {
        self != Self::Ok && !OF_ITEMS.contains(&self)
    }

    /// Whether an item can have this outcome: a failure that is neither about the whole call nor the
    /// gateway's nor only a stub's.
    pub fn is_items(self) -> bool {
        matches!(self.number(), 30000..60000 | 70100..90000) && !OF_CALLS.contains(&self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// The numbers of the page's error table (friend_add, 2025-10-23).
    const PAGE: [u32; 17] = [
        30001, 30002, 30003, 30004, 30006, 30007, 30008, 30009, 30010, 30011, 30012, 30014, 30515,
        30516, 30525, 30539, 30540,
    ];

    #[test]
    fn every_number_of_the_page_is_in_the_table() {
        let ours: HashSet<u32> = Code::ALL.iter().map(|code| code.number()).collect();
        for number in PAGE {
            assert!(ours.contains(&number), "{number}");
        }
    }

    #[test]
    fn every_failure_is_of_a_call_or_of_an_item() {
        for code in Code::ALL {
            assert_eq!(
                code.is_calls() || code.is_items(),
                *code != Code::Ok,
                "{code:?}"
            );
            assert!(
                !code.is_gateway() || code.number() >= 70100 || code.is_calls(),
                "{code:?}"
            );
        }
        for code in OF_ITEMS {
            assert!(code.is_items() && !code.is_calls(), "{code:?}");
        }
    }

    #[test]
    fn no_two_outcomes_look_alike_to_a_client() {
        let looks: HashSet<_> = Code::ALL
            .iter()
            .map(|code| (code.number(), code.info()))
            .collect();
        assert_eq!(looks.len(), Code::ALL.len());
    }

    #[test]
    fn only_success_has_an_empty_text() {
        for code in Code::ALL {
            assert_eq!(code.info().is_empty(), *code == Code::Ok, "{code:?}");
        }
    }
}
