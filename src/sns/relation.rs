//! The relation of two accounts: the result of friend_check and black_list_check.

/// Whether one list is checked or both are: `…_Type_Single` and `…_Type_Both`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckType {
    /// From_Account's list.
    Single,
    /// Both accounts' lists.
    Both,
}

/// Which list has the other account. A is From_Account, B is To_Account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// No checked list has the other account.
    None,
    /// From_Account's list has To_Account.
    AWithB,
    /// To_Account's list has From_Account; only if both lists are checked.
    BWithA,
    /// Each list has the other account.
    BothWay,
}

impl Relation {
    /// The result of a check of this type.
    pub fn of(check_type: CheckType, a_has_b: bool, b_has_a: bool) -> Self {
        let b_has_a = b_has_a && check_type == CheckType::Both;
        match (a_has_b, b_has_a) {
            (false, false) => Self::None,
            (true, false) => Self::AWithB,
            (false, true) => Self::BWithA,
            (true, true) => Self::BothWay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_of_one_list_never_looks_at_the_other() {
        use CheckType::{Both, Single};
        let cases = [
            (Single, false, false, Relation::None),
            (Single, false, true, Relation::None),
            (Single, true, false, Relation::AWithB),
            (Single, true, true, Relation::AWithB),
            (Both, false, false, Relation::None),
            (Both, false, true, Relation::BWithA),
            (Both, true, false, Relation::AWithB),
            (Both, true, true, Relation::BothWay),
        ];
        for (check_type, a_has_b, b_has_a, relation) in cases {
            assert_eq!(Relation::of(check_type, a_has_b, b_has_a), relation);
        }
    }
}
