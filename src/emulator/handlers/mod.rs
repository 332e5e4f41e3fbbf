//! What each kind of resource answers; a file for each.

pub(crate) mod account;
pub(crate) mod batch;
pub(crate) mod change_feed;
mod change_page;
pub(crate) mod conflict;
pub(crate) mod container;
pub(crate) mod database;
pub(crate) mod delete_by_key;
#[cfg(feature = "scripts")]
pub(crate) mod execution;
#[cfg(not(feature = "scripts"))]
#[path = "execution_off.rs"]
pub(crate) mod execution;
pub(crate) mod feed;
pub(crate) mod item;
pub(crate) mod items;
pub(crate) mod offer;
pub(crate) mod paging;
pub(crate) mod permission;
pub(crate) mod pkranges;
pub(crate) mod query;
pub(crate) mod scope;
pub(crate) mod script;
pub(crate) mod user;
pub(crate) mod versions;
