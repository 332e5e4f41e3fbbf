//! Containers.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use http::HeaderName;

use super::feed::Feed;
use crate::emulator::call::Call;
use crate::emulator::charge::REFUSED;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::{Answer, Owner, Replica};
use crate::emulator::sql::value::{Object, Value};
use crate::emulator::store::Database;
use crate::emulator::store::container::{Container, Rules};
use crate::emulator::store::definition::Definition;
use crate::emulator::store::log::Log;
use crate::emulator::store::offer::{DEFAULT, Scale, Throughput};
use crate::emulator::store::partition::Partition;
use crate::wire::{MAX_BODY_BYTES, header};

const READ_CHARGE: f64 = 2.0;
const QUOTA: &str = "collections=5000;";

/// From this REST version on, clients see the key that the service made up for a container without one.
const SYSTEM_KEY_VERSION: &str = "2018-12-31";

pub(crate) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let account = call.read();
    let database = call.database(&account)?;
    let feed = Feed {
        name: "DocumentCollections",
        rid: database.owner().rid,
        owner: Some(database.owner()),
        replica: account.replica(),
        charge: READ_CHARGE,
        quota: Some((QUOTA, usage(database))),
        values: database.containers.iter().map(|it| shown(call, it)).collect(),
    };
    drop(account);
    feed.answer(call)
}

pub(crate) fn create(call: &Call<'_>) -> Result<Answer, Refusal> {
    let mut account = call.write();
    let master = account.replica();
    let refuse = |it: Refusal| it.at(master.clone());
    let database = call.database(&account)?;
    let own_throughput = Throughput::of_request(call.request).map_err(refuse)?;
    let is_shared = database.shared.is_some() && own_throughput.is_none();
    let body = call.body().map_err(refuse)?;
    let definition = Definition::read(&body, call.request.version(), is_shared).map_err(refuse)?;
    if database.containers.iter().any(|it| it.id() == definition.id) {
        return Err(refuse(Refusal::resource_exists(0.0)));
    }
    let throughput = match own_throughput {
        Some(throughput) => throughput,
        None => Throughput::new(Scale::Manual(DEFAULT)).map_err(refuse)?,
    };
    let shared = database.shared.clone().filter(|_| is_shared);
    let logs = shared.unwrap_or_else(|| dedicated_logs(call, &throughput));
    let missing = || refuse(Refusal::resource_not_found());
    let database = account.database_mut(call.request.segment(1)).ok_or_else(missing)?;
    let rid = database.next_container_rid();
    let rules = Rules::new(rid, definition, &database.owner(), Arc::new(AtomicU64::new(0)));
    let mut container = Container::new(rules, logs, is_shared, call.now);
    for partition in &container.partitions {
        partition.log().advance();
    }
    if let Some(log) = container.first().map(|it| it.log().clone()) {
        container.lsn = log.lsn();
        container.etag = log.etag(call.now);
    }
    let resource = (container.rules.self_link.clone(), rid.text());
    let answer = answer(call, 201, &container, 1.0)
        .owner(database.owner())
        .quota(QUOTA, format!("collections={};", database.containers.len() + 1))
        .body(shown(call, &container).to_json());
    call.request.topology.lagging().for_each(|it| container.part(it));
    database.containers.push(container);
    account.advance();
    if !is_shared {
        account.create_offer(resource, throughput, call.now);
    }
    Ok(answer)
}

fn dedicated_logs(call: &Call<'_>, throughput: &Throughput) -> Vec<Log> {
    let count = call.emulator.partitions.unwrap_or_else(|| throughput.partitions());
    (0..count).map(|_| Log::new(&call.request.topology)).collect()
}

pub(crate) fn read(call: &Call<'_>) -> Result<Answer, Refusal> {
    let account = call.read();
    let container = call.container(&account)?;
    let owner = Owner { fill: container.owner().fill, ..call.database(&account)?.owner() };
    let mut value = shown(call, container);
    if call.request.is_set(&header::POPULATE_PARTITION_STATISTICS) {
        let mut object = value.as_object().cloned().unwrap_or_default();
        object.insert("statistics", statistics(container));
        value = object.into();
    }
    let answer = answer(call, 200, container, READ_CHARGE).owner(owner);
    Ok(answer.body(value.to_json()))
}

pub(crate) fn replace(call: &Call<'_>) -> Result<Answer, Refusal> {
    let mut account = call.write();
    let master = account.replica();
    let refuse = |it: Refusal| it.at(master.clone());
    let owner = call.database(&account)?.owner();
    let container = call.container_mut(&mut account)?;
    let body = call.body().map_err(refuse)?;
    let body = with_key(&body, &container.rules.definition);
    let definition = Definition::read(&body, call.request.version(), container.is_shared)
        .map_err(|it| refuse(it.with_charge(REFUSED)))?;
    container.rules.definition.check_change(&definition).map_err(refuse)?;
    call.check_etag(&container.etag).map_err(refuse)?;
    let is_reindexed = indexing_policy(&definition) != indexing_policy(&container.rules.definition);
    if is_reindexed && container.partitions.iter().any(|it| !it.items().is_empty()) {
        container.reindexed_since = Some(call.emulator.monotonic());
    }
    container.rules = Arc::new(container.rules.redefined(definition));
    container.timestamp = call.now;
    if let Some(log) = container.first().map(|it| it.log().clone()) {
        container.lsn = log.advance();
        container.etag = log.etag(call.now);
    }
    container.mirror();
    let value = shown(call, container);
    let answer = answer(call, 200, container, 10.67).owner(owner).body(value.to_json());
    account.advance();
    Ok(answer)
}

/// Clients that never saw the key of a container that was made without one do not send it back.
fn with_key(body: &Value, definition: &Definition) -> Value {
    let given = body.get("partitionKey");
    match body.as_object() {
        Some(object) if definition.has_system_key() && given.as_object().is_none() => {
            let mut object = object.clone();
            let key = definition.properties.get("partitionKey").cloned().unwrap_or_default();
            object.insert("partitionKey", key);
            object.into()
        }
        _ => body.clone(),
    }
}

pub(crate) fn delete(call: &Call<'_>) -> Result<Answer, Refusal> {
    let mut account = call.write();
    let owner = call.database(&account)?.owner();
    let container = call.container(&account)?;
    call.check_etag(&container.etag).map_err(|it| it.at(account.replica()))?;
    let rid = container.rules.rid.text();
    if let Some(database) = account.database_mut(call.request.segment(1)) {
        database.containers.retain(|it| it.rules.rid.text() != rid);
    }
    account.offers.retain(|it| it.resource_rid != rid);
    account.advance();
    let usage = call.database(&account).map(usage)?;
    Ok(Answer::new(204, account.replica(), 4.95).owner(owner).quota(QUOTA, usage))
}

/// The headers of every answer about one container.
fn answer(call: &Call<'_>, status: u16, container: &Container, charge: f64) -> Answer {
    let replica = container.first().map_or_else(
        || Replica { session_token: String::new(), lsn: 0, range_id: None },
        Partition::replica,
    );
    let mut answer = Answer::new(status, replica, charge)
        .etag(&container.etag)
        .header(header::ITEM_LSN, container.lsn)
        .header(HeaderName::from_static("x-ms-cosmos-max-content-length"), MAX_BODY_BYTES)
        .header(HeaderName::from_static("collection-partition-index"), 0)
        .header(HeaderName::from_static("collection-service-index"), 0);
    if container.is_shared {
        answer = answer.header(HeaderName::from_static("x-ms-share-throughput"), "true");
    }
    let progress = container.index_progress(call.emulator.monotonic());
    if progress < 100 || call.request.is_set(&header::POPULATE_QUOTA_INFO) {
        answer = answer.header(header::INDEX_TRANSFORMATION_PROGRESS, progress);
        let policy = indexing_policy(&container.rules.definition);
        if policy.is_some_and(|it| it.get("indexingMode").as_str() == Some("lazy")) {
            answer = answer.header(header::LAZY_INDEXING_PROGRESS, progress);
        }
    }
    answer
}

fn indexing_policy(definition: &Definition) -> Option<&Value> {
    definition.properties.get("indexingPolicy")
}

/// The container as the client's version shows it.
fn shown(call: &Call<'_>, container: &Container) -> Value {
    let value = container.to_value();
    if !container.rules.definition.has_system_key() || call.request.version() >= SYSTEM_KEY_VERSION
    {
        return value;
    }
    let mut object = value.as_object().cloned().unwrap_or_default();
    object.remove("partitionKey");
    object.into()
}

fn usage(database: &Database) -> String {
    format!("collections={};", database.containers.len())
}

/// How full each partition is.
fn statistics(container: &Container) -> Value {
    let rows = container.partitions.iter().map(|it| {
        Value::from(Object::from_iter([
            ("id", Value::from(it.id.as_str())),
            ("sizeInKB", Value::from(it.bytes().div_ceil(1024) as u64)),
            ("documentCount", Value::from(it.items().len() as u64)),
            ("sampledDistinctPartitionKeyCount", Value::from(it.key_count() as u64)),
            ("partitionKeys", Value::array(Vec::new())),
        ]))
    });
    Value::array(rows.collect())
}
