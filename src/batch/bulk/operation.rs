//! One operation of a bulk, and where it goes.

use serde::Serialize;

use crate::batch::Patch;
use crate::batch::entry::{Entry, Verb};
use crate::error::Result;
use crate::models::Etag;
use crate::partition_key::PartitionKey;
use crate::routing::cache::ContainerFacts;
use crate::routing::epk::Epk;
use crate::routing::extract;

/// One operation of a [`Bulk`](super::Bulk), on an item of any partition key.
///
/// What is wrong with it is remembered, and is its result.
#[derive(Debug)]
#[must_use = "an operation does nothing until it is sent in bulk"]
pub struct BulkOperation {
    pub(super) entry: Result<Entry>,
    /// `None` where it is taken from the item.
    pub(super) key: Option<PartitionKey>,
}

impl BulkOperation {
    /// Creates an item. One with the same id and partition key is an error (409).
    pub fn create<T: Serialize + ?Sized>(item: &T) -> Self {
        Self { entry: Entry::of_item(Verb::Create, item, None), key: None }
    }

    /// Creates an item, or replaces the one with the same id and partition key.
    pub fn upsert<T: Serialize + ?Sized>(item: &T) -> Self {
        Self { entry: Entry::of_item(Verb::Upsert, item, None), key: None }
    }

    /// Replaces the item `id`.
    pub fn replace<T: Serialize + ?Sized>(id: &str, item: &T) -> Self {
        Self { entry: Entry::of_item(Verb::Replace, item, Some(id)), key: None }
    }

    /// Reads the item `id` of the partition `key`.
    pub fn read(id: &str, key: impl Into<PartitionKey>) -> Self {
        Self { entry: Entry::of_id(Verb::Read, id), key: None }.partition_key(key)
    }

    /// Deletes the item `id` of the partition `key`.
    pub fn delete(id: &str, key: impl Into<PartitionKey>) -> Self {
        Self { entry: Entry::of_id(Verb::Delete, id), key: None }.partition_key(key)
    }

    /// Changes parts of the item `id` of the partition `key`.
    pub fn patch(id: &str, key: impl Into<PartitionKey>, patch: impl Into<Patch>) -> Self {
        Self { entry: Entry::of_patch(id, &patch.into()), key: None }.partition_key(key)
    }

    /// The partition key of the item. Default on create, upsert and replace: it is taken from the item, by the
    /// container's definition.
    pub fn partition_key(mut self, key: impl Into<PartitionKey>) -> Self {
        let key = key.into();
        if let Err(error) = key.check() {
            self.entry = self.entry.and(Err(error));
        }
        self.key = Some(key);
        self
    }

    /// Writes only if the item still has this version; otherwise the operation fails with 412. For operations that
    /// upsert, replace, delete and patch.
    pub fn if_match(self, etag: impl Into<Etag>) -> Self {
        Self { entry: self.entry.and_then(|it| it.if_match(etag.into())), ..self }
    }

    /// Reads only if the item no longer has this version; otherwise the result is empty, with status 304. For
    /// operations that read.
    pub fn if_none_match(self, etag: impl Into<Etag>) -> Self {
        Self { entry: self.entry.and_then(|it| it.if_none_match(etag.into())), ..self }
    }
}

/// An operation under way.
#[derive(Debug)]
pub(super) struct Pending {
    /// Its number in the input.
    pub(super) index: usize,
    pub(super) entry: Entry,
    /// The key that was given for it.
    given_key: Option<PartitionKey>,
    /// The key in the form of its header.
    pub(super) key_text: String,
    pub(super) epk: Epk,
    pub(super) tries: Tries,
}

/// Why, and how often, an operation was sent again.
#[derive(Clone, Debug, Default)]
pub(super) struct Tries {
    pub(super) moves: u32,
    pub(super) throttle: crate::pipeline::retry::Tally,
    pub(super) collisions: u32,
    pub(super) lost: u32,
}

impl Pending {
    pub(super) fn new(
        index: usize,
        entry: Entry,
        given_key: Option<PartitionKey>,
        facts: &ContainerFacts,
    ) -> Result<Self> {
        let (key_text, epk) = place(&entry, given_key.as_ref(), facts)?;
        Ok(Self { index, entry, given_key, key_text, epk, tries: Tries::default() })
    }

    /// Finds its place anew, in a container that is another one under the same name.
    pub(super) fn place_again(&mut self, facts: &ContainerFacts) -> Result<()> {
        (self.key_text, self.epk) = place(&self.entry, self.given_key.as_ref(), facts)?;
        Ok(())
    }

    /// About the bytes that it takes in a request.
    pub(super) fn size(&self) -> usize {
        const FRAME: usize = 128;
        let body = self.entry.body.as_ref().map_or(0, |it| it.get().len());
        body + self.entry.id.len() + self.key_text.len() + FRAME
    }
}

fn place(
    entry: &Entry,
    given: Option<&PartitionKey>,
    facts: &ContainerFacts,
) -> Result<(String, Epk)> {
    let item = entry.body.as_ref().map_or("{}", |it| it.get());
    let taken;
    let key = match given {
        Some(key) => key,
        None => {
            taken = extract::partition_key(item.as_bytes(), &facts.paths)?;
            &taken
        }
    };
    facts.definition.check_complete(key)?;
    Ok((key.header_value(), Epk::of(key, &facts.definition)?))
}
