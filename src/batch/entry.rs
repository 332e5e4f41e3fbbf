//! One operation of a batch, as it is sent.

use serde::Serialize;
use serde_json::value::RawValue;

use super::patch::Patch;
use crate::client::unwritable;
use crate::container::check_item;
use crate::error::{Error, Result};
use crate::link::{IdOf, check_id};
use crate::models::Etag;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Verb {
    Create,
    Upsert,
    Replace,
    Read,
    Delete,
    Patch,
}

impl Verb {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Upsert => "upsert",
            Self::Replace => "replace",
            Self::Read => "read",
            Self::Delete => "delete",
            Self::Patch => "patch",
        }
    }
}

/// An operation on one item, whatever its partition key.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) verb: Verb,
    pub(super) id: String,
    /// The item, or the patch.
    pub(super) body: Option<Box<RawValue>>,
    if_match: Option<Etag>,
    if_none_match: Option<Etag>,
}

/// What stands in the body of the request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireEntry<'a> {
    operation_type: Verb,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    /// The key in the form of its header; only where the operations of a request may have different ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    partition_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    if_match: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    if_none_match: Option<&'a str>,
    /// Whether the result is to be without the item. The header `Prefer` would take the items from reads too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    minimal_return_preference: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_body: Option<&'a RawValue>,
}

impl Entry {
    /// Writes an item; `replaced` is the id of the one that it takes the place of.
    pub(super) fn of_item<T: Serialize + ?Sized>(
        verb: Verb,
        item: &T,
        replaced: Option<&str>,
    ) -> Result<Self> {
        let body = serde_json::value::to_raw_value(item).map_err(unwritable)?;
        let id = check_item(body.get().as_bytes(), replaced)?;
        Ok(Self { verb, id, body: Some(body), if_match: None, if_none_match: None })
    }

    /// Reads or deletes an item.
    pub(super) fn of_id(verb: Verb, id: &str) -> Result<Self> {
        check_id(IdOf::Item, id)?;
        Ok(Self { verb, id: id.to_owned(), body: None, if_match: None, if_none_match: None })
    }

    /// Patches an item.
    pub(super) fn of_patch(id: &str, patch: &Patch) -> Result<Self> {
        let body = patch.to_json()?;
        Ok(Self { body: Some(body), ..Self::of_id(Verb::Patch, id)? })
    }

    /// Sets the version that the item must have.
    pub(super) fn if_match(mut self, etag: Etag) -> Result<Self> {
        match self.verb {
            Verb::Upsert | Verb::Replace | Verb::Delete | Verb::Patch => {
                self.if_match = Some(etag);
                Ok(self)
            }
            Verb::Create | Verb::Read => Err(self.has_no("if_match")),
        }
    }

    /// Sets the version that the item must no longer have.
    pub(super) fn if_none_match(mut self, etag: Etag) -> Result<Self> {
        if self.verb != Verb::Read {
            return Err(self.has_no("if_none_match"));
        }
        self.if_none_match = Some(etag);
        Ok(self)
    }

    fn has_no(&self, option: &str) -> Error {
        let verb = self.verb.word();
        Error::invalid_input(format!("an operation to {verb} an item has no {option}"))
    }

    /// The form for the request. With `minimal_content`, a write answers without the item.
    pub(super) fn to_wire<'a>(
        &'a self,
        partition_key: Option<&'a str>,
        minimal_content: bool,
    ) -> WireEntry<'a> {
        WireEntry {
            operation_type: self.verb,
            id: (!matches!(self.verb, Verb::Create | Verb::Upsert)).then_some(&*self.id),
            partition_key,
            if_match: self.if_match.as_ref().map(Etag::as_str),
            if_none_match: self.if_none_match.as_ref().map(Etag::as_str),
            minimal_return_preference: minimal_content && self.verb != Verb::Read,
            resource_body: self.body.as_deref(),
        }
    }
}
