//! What usually causes an outcome in a client's program, and how to fix it.

use crate::protocol::code::Code;

/// The causes of an outcome and its remedy.
#[derive(Clone, Copy, Debug)]
pub struct Advice {
    /// The usual causes, the most frequent first.
    pub causes: &'static [&'static str],
    /// What to do, as an imperative without a full stop.
    pub fix: &'static str,
}

const fn advice(causes: &'static [&'static str], fix: &'static str) -> Advice {
    Advice { causes, fix }
}

/// A code that only faults give: the rules of the emulator never answer it.
const ONLY_FAULTS: Advice = advice(
    &["an armed fault (GET /_emulator/v1/faults)"],
    "disarm the fault; a program should treat this code as a temporary failure and retry later",
);

const BAD_FIELD: Advice = advice(
    &[
        "a field is misspelt: names are case-sensitive, and unknown fields are ignored",
        "a field has another JSON type, such as a number for a string",
        "a list is empty or too long",
    ],
    "correct this field; /_emulator/v1/openapi.json has every field",
);

const NOT_ADMIN: Advice = advice(
    &["`identifier` is an ordinary account: only app admins may call the REST API"],
    "call with an `identifier` of the app's `admins` and with its UserSig",
);

const NOT_IMPORTED: Advice = advice(
    &[
        "the account was never imported",
        "another app has the account",
        "the UserID is spelt in another case",
    ],
    "import the account with im_open_login_svc/account_import",
);

const FRIENDS_FULL: Advice = advice(
    &["the list has `sns.max_friends` entries"],
    "delete friends with friend_delete, or raise `sns.max_friends`",
);

const TAG: Advice = advice(
    &[
        "a Tag is misspelt",
        "a custom field is not declared in the app's `custom_fields`",
    ],
    "use a documented Tag, or declare the custom field in the app's `custom_fields`",
);

impl Code {
    /// What usually causes this outcome, and how to fix it.
    pub const fn advice(self) -> Advice {
        match self {
            Self::Ok => advice(
                &["the call or the item succeeded"],
                "nothing has to be done",
            ),
            Self::HttpParse => advice(
                &[
                    "the base URL of the SDK has another path",
                    "the path has no `/v4`",
                ],
                "send POST /v4/<service>/<command>, such as /v4/sns/friend_add",
            ),
            Self::NotJson => advice(
                &[
                    "the body is empty: a command without fields needs {}",
                    "a comment or a comma too many was copied from a sample",
                    "the body is form data",
                ],
                "send one JSON object",
            ),
            Self::TooManyCalls => advice(
                &[
                    "the program makes over 200 calls of one command in a second",
                    "the app's clock is held, so no tokens come back",
                ],
                "slow down or raise the limit: PUT /_emulator/v1/apps/{sdkappid}/limits",
            ),
            Self::RequestFormat => advice(
                &[
                    "the method is not POST",
                    "the body is shorter than its Content-Length, or came too slowly",
                    "an armed fault damaged the answer",
                ],
                "send a whole body with POST",
            ),
            Self::NoSuchCommand => advice(
                &[
                    "the command is misspelt",
                    "the emulator does not have this command",
                ],
                "call a command of /_emulator/v1/openapi.json, or make a stub: PUT /_emulator/v1/apps/{sdkappid}/stubs/{service}/{command}",
            ),
            Self::NotAdminGateway
            | Self::NotAdmin
            | Self::ProfileNotAdmin
            | Self::AccountNotAdmin
            | Self::MessageNotAdmin
            | Self::GroupNotAllowed => NOT_ADMIN,
            Self::NoSdkAppId | Self::BadParameter => advice(
                &[
                    "a parameter of the URL is missing, or its name is not in lower case",
                    "a shell cut the URL at `&`, because it was not quoted",
                ],
                "send sdkappid, identifier, usersig, random and contenttype=json in the URL",
            ),
            Self::BadReply => advice(
                &["the template of a stub uses a field that the body lacks"],
                "correct the stub's template; the log has the reason",
            ),
            Self::AccountNotAString => advice(
                &["a UserID is written as a number"],
                "write every UserID as a JSON string",
            ),
            Self::SigExpired => advice(
                &[
                    "the UserSig is older than its `expire`",
                    "the app's clock was moved forward",
                ],
                "make a new UserSig: POST /_emulator/v1/apps/{sdkappid}/user_sig",
            ),
            Self::SigIllegal => advice(
                &[
                    "the UserSig was cut, or escaped twice",
                    "the secret key was sent instead of a UserSig",
                    "the UserSig is of version 1 (ECDSA)",
                ],
                "make a new one: POST /_emulator/v1/apps/{sdkappid}/user_sig; to look into this one, add /inspect to the path",
            ),
            Self::SigKey => advice(
                &[
                    "the program has the secret key of another app",
                    "the program decodes the key from hexadecimal digits before it signs",
                ],
                "sign with the `secret_key` of the app, as text: GET /_emulator/v1/apps/{sdkappid} has it",
            ),
            Self::SigIdentifier => advice(
                &["the UserSig was made for a user, and `identifier` is the admin, or the reverse"],
                "make the UserSig for the `identifier` of the URL",
            ),
            Self::SigSdkAppId => advice(
                &["the UserSig was made for another app"],
                "make the UserSig for the `sdkappid` of the URL",
            ),
            Self::NoSuchApp => advice(
                &[
                    "the program is configured for an app of the cloud",
                    "the app was removed, by a reset or by DELETE",
                ],
                "call an app of GET /_emulator/v1/apps, or create this one: POST /_emulator/v1/apps",
            ),
            Self::SnsDecode
            | Self::ProfileDecode
            | Self::AccountParameter
            | Self::MessageFormat
            | Self::GroupParameter => BAD_FIELD,
            Self::MessageNotJson => advice(
                &["the body is empty", "a comment was copied from a sample"],
                "send one JSON object",
            ),
            Self::MessageBody | Self::MessageReceiver | Self::MessageRandom => BAD_FIELD,
            Self::ToAccountIllegal => advice(
                &["the UserID is empty, too long, or not printable ASCII"],
                "use UserIDs of 1 to 32 bytes of printable ASCII",
            ),
            Self::AddSelf => advice(
                &["To_Account is the caller's own account"],
                "leave From_Account out of the items",
            ),
            Self::SourceIllegal => advice(
                &[
                    "AddSource lacks its prefix",
                    "the keyword has over 8 letters or another character",
                ],
                "send `AddSource_Type_` and 1 to 8 letters, such as AddSource_Type_Android",
            ),
            Self::RemarkTooLong => advice(
                &["a character takes up to 4 bytes in UTF-8"],
                "shorten Remark to 96 bytes of UTF-8",
            ),
            Self::GroupNameTooLong => advice(
                &["a character takes up to 4 bytes in UTF-8"],
                "shorten GroupName to 1 to 30 bytes of UTF-8",
            ),
            Self::WordingTooLong => advice(
                &["a character takes up to 4 bytes in UTF-8"],
                "shorten AddWording to 256 bytes of UTF-8",
            ),
            Self::TagIllegal | Self::ProfileTagNotExist => TAG,
            Self::ValueIllegal | Self::ProfileValueIllegal | Self::ProfileTypeIllegal => advice(
                &[
                    "the value has another type than its Tag",
                    "a word is misspelt: values are case-sensitive",
                ],
                "send a value that the page of the Tag allows",
            ),
            Self::ProfileTooLong => advice(
                &["a value has over 500 bytes"],
                "shorten the value to 500 bytes of UTF-8",
            ),
            Self::FriendExist => advice(
                &["the call was repeated: the first one succeeded"],
                "treat it as a success, or delete the friend first with friend_delete",
            ),
            Self::FriendNotExist | Self::NotFriend | Self::NotInFriendList => advice(
                &["the accounts are no friends, or only in the other direction"],
                "add the friend first with friend_add",
            ),
            Self::AlreadyBlocked => advice(
                &["the call was repeated: the first one succeeded"],
                "treat it as a success",
            ),
            Self::NotBlocked => advice(
                &["the account was not on the blocklist"],
                "treat it as a success",
            ),
            Self::FromAccountNotExist
            | Self::ToAccountNotExist
            | Self::ProfileAccountNotExist
            | Self::AccountNotExist => NOT_IMPORTED,
            Self::ForbidByAdmin => advice(
                &["the profile of From_Account has AdminForbid_Type_SendOut"],
                "set Tag_Profile_IM_AdminForbidType of From_Account to AdminForbid_Type_None with portrait_set",
            ),
            Self::MyFriendsFull | Self::PeerFriendsFull => FRIENDS_FULL,
            Self::GroupsFull => advice(
                &["From_Account has `sns.max_groups` groups"],
                "delete groups with group_delete, or raise `sns.max_groups`",
            ),
            Self::PendingFull => advice(
                &["one of the accounts has `sns.max_pending` requests that nobody has answered"],
                "answer requests: POST /_emulator/v1/apps/{sdkappid}/pending/{from}/{to}",
            ),
            Self::BlocklistFull => advice(
                &["the blocklist has `sns.max_blocklist` entries"],
                "unblock accounts with black_list_delete, or raise `sns.max_blocklist`",
            ),
            Self::InMyBlocklist => advice(
                &["From_Account has blocked To_Account"],
                "unblock To_Account: black_list_delete by From_Account",
            ),
            Self::InPeerBlocklist => advice(
                &["To_Account has blocked From_Account"],
                "unblock From_Account: black_list_delete by To_Account",
            ),
            Self::DenyAny => advice(
                &["the profile of To_Account has AllowType_Type_DenyAny"],
                "set Tag_Profile_IM_AllowType of To_Account with portrait_set",
            ),
            Self::NeedConfirm => advice(
                &[
                    "the profile of To_Account has AllowType_Type_NeedConfirm; new accounts have the app's `default_allow_type`",
                ],
                "let To_Account agree: POST /_emulator/v1/apps/{sdkappid}/pending/{from}/{to}",
            ),
            Self::TooManyRequests => advice(
                &[
                    "From_Account sent over `sns.max_requests_per_minute` friend requests",
                    "an armed fault",
                ],
                "wait a minute, or move the clock: POST /_emulator/v1/apps/{sdkappid}/clock/advance",
            ),
            Self::ProfileNoAccount => advice(
                &["To_Account is []"],
                "send 1 to 100 accounts in To_Account",
            ),
            Self::DeletionRefused => advice(
                &["the account is an app admin"],
                "leave app admins out of account_delete",
            ),
            Self::ServiceOverload
            | Self::SdkAppIdIllegal
            | Self::ImportSdkAppIdIllegal
            | Self::GroupSdkAppIdIllegal
            | Self::SensitiveWord
            | Self::Internal
            | Self::CheckRelationFail
            | Self::CheckBlocklistError
            | Self::NetworkTimeout
            | Self::CheckBlocklistFail
            | Self::WriteConflict
            | Self::TooManyDeletions
            | Self::ProfileSensitive
            | Self::ProfileInternal
            | Self::ProfileNoReadRight
            | Self::ProfileNoWriteRight
            | Self::AccountTimeout
            | Self::AccountQueryTimeout
            | Self::AccountsFull
            | Self::AccountDeleted
            | Self::AccountInternal => ONLY_FAULTS,
        }
    }
}
