//! The rules of the relationship chain, as pure functions: facts about two accounts and one item
//! in, a decision out. They use no store, no HTTP and no clock.

pub mod black_list;
pub mod decision;
pub mod friend_add;
pub mod friend_delete;
pub mod friend_import;
pub mod friend_response;
pub mod friend_tag;
pub mod friend_update;
pub mod group;
pub mod model;
pub mod pair;
pub mod relation;
pub mod remedy;
pub mod texts;
