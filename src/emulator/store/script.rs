//! Stored procedures, triggers and user-defined functions, as resources.

use super::rid::{ContainerRid, Kind};
use crate::emulator::sql::value::{Object, Value};

/// The scripts of a container.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scripts {
    pub(crate) procedures: Vec<Script>,
    pub(crate) triggers: Vec<Script>,
    pub(crate) functions: Vec<Script>,
    /// The number of the script that was made last.
    count: u64,
}

/// One script.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) id: String,
    pub(crate) rid: String,
    pub(crate) lsn: u64,
    pub(crate) etag: String,
    /// As it is shown, system properties included.
    pub(crate) value: Value,
}

impl Scripts {
    pub(crate) fn of(&self, kind: Kind) -> &Vec<Script> {
        match kind {
            Kind::StoredProcedure => &self.procedures,
            Kind::Trigger => &self.triggers,
            _ => &self.functions,
        }
    }

    pub(crate) fn of_mut(&mut self, kind: Kind) -> &mut Vec<Script> {
        match kind {
            Kind::StoredProcedure => &mut self.procedures,
            Kind::Trigger => &mut self.triggers,
            _ => &mut self.functions,
        }
    }

    /// A rid for a new script.
    pub(crate) fn next_rid(&mut self, container: ContainerRid, kind: Kind) -> String {
        self.count += 1;
        container.child(kind, self.count)
    }
}

impl Script {
    /// A script from the user's properties; `feed` is its segment in links.
    pub(crate) fn new(
        (rid, etag): (String, String),
        feed: (&str, &str),
        properties: Object,
        (lsn, timestamp): (u64, u64),
    ) -> Self {
        let (container, segment) = feed;
        let id = properties.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut object = properties;
        object.insert("_rid", rid.as_str().into());
        object.insert("_self", format!("{container}{segment}/{rid}/").into());
        object.insert("_etag", etag.as_str().into());
        object.insert("_ts", timestamp.into());
        Self { id, rid, lsn, etag, value: object.into() }
    }
}
