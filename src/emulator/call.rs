//! One call of a handler: the request, the account, and the questions that many handlers ask.

use std::sync::{RwLockReadGuard, RwLockWriteGuard};

use super::refusal::Refusal;
use super::request::Request;
use super::sql::value::Value;
use super::store::container::{Container, Rules};
use super::store::partition::{Partition, Stamp};
use super::store::{Account, Database};
use super::{Inner, date, session};
use crate::models::ConsistencyLevel;
use crate::partition_key::{PartitionKey, PartitionKeyKind};
use crate::wire::header;

/// One request on its way through its handler.
pub(crate) struct Call<'a> {
    pub(crate) emulator: &'a Inner,
    pub(crate) request: &'a Request<'a>,
    /// The time of the call, in seconds.
    pub(crate) now: u64,
}

impl<'a> Call<'a> {
    pub(crate) fn new(emulator: &'a Inner, request: &'a Request<'a>) -> Self {
        Self { emulator, request, now: date::unix_seconds(emulator.now()) }
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'a, Account> {
        self.emulator.read()
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'a, Account> {
        self.emulator.write()
    }

    /// The database of the path.
    pub(crate) fn database<'s>(&self, account: &'s Account) -> Result<&'s Database, Refusal> {
        account.database(self.request.segment(1)).ok_or_else(|| not_found(account))
    }

    /// The container of the path.
    pub(crate) fn container<'s>(&self, account: &'s Account) -> Result<&'s Container, Refusal> {
        let container = self.database(account)?.container(self.request.segment(3));
        let container = container.ok_or_else(|| not_found(account))?;
        self.check_container_rid(container)?;
        Ok(container)
    }

    /// The container of the path as the region has it.
    pub(crate) fn data<'s>(&self, account: &'s Account) -> Result<&'s Container, Refusal> {
        Ok(self.container(account)?.seen_from(self.view()))
    }

    /// The container of the path as the region has it, to write to.
    pub(crate) fn data_mut<'s>(
        &self,
        account: &'s mut Account,
    ) -> Result<&'s mut Container, Refusal> {
        // The regions may have changed on the way here; while the account is locked they do not.
        if !self.emulator.topology().takes_writes(self.request.region) {
            return Err(Refusal::write_forbidden());
        }
        Ok(self.container_mut(account)?.seen_from_mut(self.view()))
    }

    /// Whose state the request is about: its region's, or where it is to be strong what all have written.
    pub(crate) fn view(&self) -> Option<usize> {
        Some(self.request.region).filter(|_| self.level() != ConsistencyLevel::Strong)
    }

    fn level(&self) -> ConsistencyLevel {
        let level = self.request.header(&header::CONSISTENCY_LEVEL).and_then(|it| it.parse().ok());
        level.unwrap_or(self.request.topology.consistency)
    }

    /// Where and when this call writes.
    pub(crate) fn stamp(&self) -> Stamp {
        let (region, at) = (self.request.region, self.emulator.monotonic());
        Stamp { region, at, timestamp: self.now }
    }

    /// Refuses what is about a partition that is being split or merged.
    pub(crate) fn check_open(&self, partition: &Partition) -> Result<(), Refusal> {
        if partition.locked_until.is_zero() || partition.locked_until <= self.emulator.monotonic() {
            return Ok(());
        }
        Err(Refusal::completing_split())
    }

    /// The container of the path, to write to.
    pub(crate) fn container_mut<'s>(
        &self,
        account: &'s mut Account,
    ) -> Result<&'s mut Container, Refusal> {
        self.container(account)?;
        let missing = Refusal::resource_not_found().at(account.replica());
        let database = account.database_mut(self.request.segment(1));
        database.and_then(|it| it.container_mut(self.request.segment(3))).ok_or(missing)
    }

    /// A client that knows the container by another rid has missed that it was made anew.
    fn check_container_rid(&self, container: &Container) -> Result<(), Refusal> {
        match self.request.header(&header::INTENDED_COLLECTION_RID) {
            Some(rid) if rid != container.rules.rid.text() => Err(Refusal::wrong_container_rid()),
            _ => Ok(()),
        }
    }

    /// Refuses a change of what is not as the caller saw it last.
    pub(crate) fn check_etag(&self, etag: &str) -> Result<(), Refusal> {
        match self.request.header(&http::header::IF_MATCH) {
            Some(expected) if expected != "*" && expected != etag => Err(Refusal::precondition()),
            _ => Ok(()),
        }
    }

    /// The body as JSON.
    pub(crate) fn body(&self) -> Result<Value, Refusal> {
        Value::from_json(self.request.body).map_err(|_| Refusal::bad_payload())
    }

    /// The partition key in the header; `None` if there is no header.
    pub(crate) fn key(&self, rules: &Rules) -> Result<Option<PartitionKey>, Refusal> {
        let Some(text) = self.request.header(&header::PARTITION_KEY) else { return Ok(None) };
        parse_key(text, rules).map(Some)
    }

    /// The partition key in the header, with all its components.
    pub(crate) fn whole_key(&self, rules: &Rules) -> Result<PartitionKey, Refusal> {
        match self.key(rules)? {
            Some(key) => complete(key, rules),
            None if rules.definition.has_system_key() => Ok(PartitionKey::NONE),
            None => Err(Refusal::key_too_short()),
        }
    }

    /// Refuses reads of a partition that is locked, or lags behind the session of the caller.
    pub(crate) fn check_session(&self, partition: &Partition) -> Result<(), Refusal> {
        self.check_open(partition)?;
        let Some(token) = self.request.header(&header::SESSION_TOKEN) else { return Ok(()) };
        let counts = matches!(
            self.level(),
            ConsistencyLevel::Session
                | ConsistencyLevel::BoundedStaleness
                | ConsistencyLevel::Strong
        );
        if counts && !session::is_satisfied(token, partition) {
            return Err(Refusal::session_not_available(1.0).at(partition.replica()));
        }
        Ok(())
    }
}

/// There is no such database or container; the master partition says so.
pub(crate) fn not_found(account: &Account) -> Refusal {
    Refusal::resource_not_found().at(account.replica())
}

/// Reads a partition key from its header form and checks it against the definition.
pub(crate) fn parse_key(text: &str, rules: &Rules) -> Result<PartitionKey, Refusal> {
    let key = PartitionKey::from_header_value(text)
        .map_err(|_| Refusal::gateway(400, format!("Partition key {text} is invalid.")))?;
    let definition = &rules.definition;
    if definition.has_system_key() && key == PartitionKey::UNDEFINED {
        return Ok(PartitionKey::NONE);
    }
    if key.components().len() > definition.key_paths.len() {
        return Err(Refusal::replica(
            400,
            0.0,
            "The partition key supplied in x-ms-partitionkey header has more components than defined in the collection.",
        )
        .with_sub_status(crate::wire::sub_status::PARTITION_KEY_MISMATCH));
    }
    let is_long = key.check().is_err()
        || (definition.key.kind != PartitionKeyKind::MultiHash
            && definition.key.is_version_1()
            && key.header_value().len() > 2048);
    if is_long {
        return Err(Refusal::replica(400, 0.0, "The partition key value is too long."));
    }
    Ok(key)
}

/// Refuses a key that is only the beginning of one.
pub(crate) fn complete(key: PartitionKey, rules: &Rules) -> Result<PartitionKey, Refusal> {
    let is_none = key.components().is_empty() && rules.definition.has_system_key();
    if is_none || key.components().len() == rules.definition.key_paths.len() {
        Ok(key)
    } else {
        Err(Refusal::key_too_short())
    }
}
