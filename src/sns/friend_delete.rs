//! What of two friends is left: the rule of `v4/sns/friend_delete`.

use super::decision::{Change, Decision, Side};
use super::model::DeleteType;
use super::pair::Pair;
use crate::protocol::code::Code;

/// # Precedence
/// To_Account not imported, then not in From_Account's list: that list alone decides, as it does
/// for friend_add (GUESS).
pub fn judge(pair: &Pair, delete_type: DeleteType) -> Decision {
    if !pair.to_exists {
        return Decision::refuse(Code::ToAccountNotExist);
    }
    if !pair.from_has_to {
        return Decision::refuse(Code::NotFriend);
    }
    let mut changes = vec![Change::Unfriend(Side::From)];
    if delete_type == DeleteType::Both && pair.to_has_from {
        changes.push(Change::Unfriend(Side::To));
    }
    Decision::done(changes)
}
