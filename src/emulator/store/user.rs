//! Users and their permissions.

use super::rid;
use crate::emulator::sql::value::{Object, Value};

/// A user.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) rid: [u8; 8],
    /// `dbs/{rid}/users/{rid}/`
    pub(crate) self_link: String,
    pub(crate) permissions: Vec<Permission>,
    pub(crate) permission_count: u64,
    pub(crate) etag: String,
    pub(crate) timestamp: u64,
}

/// What a user may do with one resource.
#[derive(Clone, Debug)]
pub(crate) struct Permission {
    pub(crate) id: String,
    pub(crate) rid: String,
    /// The link of the resource.
    pub(crate) resource: String,
    pub(crate) etag: String,
    /// As it is shown, without its token.
    pub(crate) properties: Object,
}

impl User {
    /// The user as the service shows it.
    pub(crate) fn to_value(&self) -> Value {
        Object::from_iter([
            ("id", Value::from(self.id.as_str())),
            ("_rid", rid::text(&self.rid).into()),
            ("_self", self.self_link.as_str().into()),
            ("_etag", self.etag.as_str().into()),
            ("_permissions", "permissions/".into()),
            ("_ts", self.timestamp.into()),
        ])
        .into()
    }
}
