//! The relationship chain's rules. Pure: facts about two accounts and one item go in, a decision
//! comes out. They know no store, no HTTP, no clock.

pub mod decision;
pub mod friend_add;
pub mod model;
pub mod pair;
