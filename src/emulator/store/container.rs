//! A container: its rules, and the partitions that share out its items.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::conflict::Conflict;
use super::definition::Definition;
use super::history::History;
use super::item::Item;
use super::log::Log;
use super::partition::Partition;
use super::rid::{ContainerRid, Kind};
use super::script::Scripts;
use super::space::Space;
use crate::emulator::response::{Fill, Owner};
use crate::emulator::sql::value::{Object, Value};
use crate::partition_key::{PartitionKey, PartitionKeyValue};
use crate::routing::epk::Epk;
use crate::routing::range::EpkRange;

/// A container.
#[derive(Clone, Debug)]
pub(crate) struct Container {
    pub(crate) rules: Arc<Rules>,
    /// Those that are there now, in the order of their ranges.
    pub(crate) partitions: Vec<Partition>,
    pub(crate) scripts: Scripts,
    /// Whether it has its throughput from its database.
    pub(crate) is_shared: bool,
    /// Counts the changes to its partitions.
    pub(crate) generation: u64,
    pub(crate) next_range: u64,
    /// The step at which it was written last.
    pub(crate) lsn: u64,
    pub(crate) etag: String,
    pub(crate) timestamp: u64,
    /// The states of the regions that do not show what the others show, by their numbers.
    pub(crate) replicas: BTreeMap<usize, Self>,
    /// What no rule could settle between regions.
    pub(crate) conflicts: Vec<Conflict>,
    /// Since when a changed indexing policy is being applied, by the clock that does not go back.
    pub(crate) reindexed_since: Option<Duration>,
}

/// Where a partition is cut in two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// In the middle of its hashes.
    Middle,
    /// So that each half has half of the items, which may be between two keys that begin alike.
    Storage,
}

/// What holds for all items of a container.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) rid: ContainerRid,
    pub(crate) definition: Definition,
    /// `dbs/{rid}/colls/{rid}/`
    pub(crate) self_link: String,
    pub(crate) owner: Owner,
    space: Space,
    /// The number of the item that was made last.
    items: Arc<AtomicU64>,
}

impl Rules {
    pub(crate) fn new(
        rid: ContainerRid,
        definition: Definition,
        database: &Owner,
        items: Arc<AtomicU64>,
    ) -> Self {
        Self {
            rid,
            self_link: format!("dbs/{}/colls/{}/", database.rid, rid.text()),
            owner: Owner {
                path: format!("{}/colls/{}", database.path, definition.id),
                rid: rid.text(),
                fill: None,
            },
            space: Space::of(&definition.key),
            definition,
            items,
        }
    }

    /// The same container under a changed definition.
    pub(crate) fn redefined(&self, definition: Definition) -> Self {
        Self { definition, ..self.clone() }
    }

    pub(crate) fn next_item_number(&self) -> u64 {
        self.items.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The count of items so far, to go back to if a batch fails.
    pub(crate) fn item_counter(&self) -> u64 {
        self.items.load(Ordering::Relaxed)
    }

    pub(crate) fn reset_item_counter(&self, count: u64) {
        self.items.store(count, Ordering::Relaxed);
    }

    /// The partition key that an item has by its properties.
    pub(crate) fn key_of(&self, item: &Value) -> PartitionKey {
        let components = self.definition.key_paths.iter().map(|path| {
            let value = path.iter().fold(item.clone(), |value, name| value.get(name));
            match value {
                Value::Null => PartitionKeyValue::Null,
                Value::Bool(value) => PartitionKeyValue::Bool(value),
                Value::Number(number) => PartitionKeyValue::from(number.as_f64()),
                Value::String(text) => PartitionKeyValue::String((*text).to_owned()),
                Value::Undefined | Value::Array(_) | Value::Object(_) => {
                    PartitionKeyValue::Undefined
                }
            }
        });
        let key = PartitionKey::from_components(components);
        if self.definition.has_system_key() && key == PartitionKey::UNDEFINED {
            PartitionKey::NONE
        } else {
            key
        }
    }

    /// Where the container keeps the items of a key. Keys are checked against the definition before.
    pub(crate) fn epk(&self, key: &PartitionKey) -> Epk {
        Epk::of(key, &self.definition.key).unwrap_or_default()
    }

    /// The values that an item has for the unique keys, each with the number of its key.
    pub(crate) fn unique_values(&self, item: &Value) -> Vec<String> {
        let keys = self.definition.unique_keys.iter().enumerate();
        keys.map(|(index, paths)| {
            let values = paths
                .iter()
                .map(|path| path.iter().fold(item.clone(), |value, name| value.get(name)))
                .map(|it| if it.is_undefined() { Value::Null } else { it });
            format!("{index}{}", Value::array(values.collect()).to_json())
        })
        .collect()
    }
}

impl Container {
    /// A container without items, in as many partitions as there are logs.
    pub(crate) fn new(rules: Rules, logs: Vec<Log>, is_shared: bool, timestamp: u64) -> Self {
        let spans = rules.space.spans(logs.len());
        let partitions: Vec<_> = spans
            .into_iter()
            .zip(logs)
            .enumerate()
            .map(|(index, (span, log))| {
                let range = rules.space.range(span);
                let mut partition = Partition::new(index.to_string(), range, span, log);
                partition.timestamp = timestamp;
                partition
            })
            .collect();
        Self {
            next_range: partitions.len() as u64,
            partitions,
            scripts: Scripts::default(),
            is_shared,
            generation: 1,
            lsn: 0,
            etag: String::new(),
            timestamp,
            rules: Arc::new(rules),
            replicas: BTreeMap::new(),
            conflicts: Vec::new(),
            reindexed_since: None,
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.rules.definition.id
    }

    /// The container as the resource above items, with how full it is.
    pub(crate) fn owner(&self) -> Owner {
        let fill = Fill {
            items: self.partitions.iter().map(|it| it.items().len()).sum(),
            kilobytes: self.partitions.iter().map(Partition::bytes).sum::<usize>().div_ceil(1024),
        };
        Owner { fill: Some(fill), ..self.rules.owner.clone() }
    }

    /// How much of the indexing policy is applied, in percent: after a change one more every ten milliseconds.
    pub(crate) fn index_progress(&self, now: Duration) -> u128 {
        self.reindexed_since.map_or(100, |it| now.saturating_sub(it).as_millis() / 10).min(100)
    }

    /// The partition that holds a point.
    pub(crate) fn partition_at(&self, epk: &Epk) -> Option<&Partition> {
        self.partitions.iter().find(|it| it.range.contains(epk))
    }

    pub(crate) fn partition_at_mut(&mut self, epk: &Epk) -> Option<(&Rules, &mut Partition)> {
        let partition = self.partitions.iter_mut().find(|it| it.range.contains(epk))?;
        Some((&self.rules, partition))
    }

    pub(crate) fn partition_by_id(&self, id: &str) -> Option<&Partition> {
        self.partitions.iter().find(|it| it.id == id)
    }

    /// The first partition, which speaks for the container itself.
    pub(crate) fn first(&self) -> Option<&Partition> {
        self.partitions.first()
    }

    /// The container as the service shows it.
    pub(crate) fn to_value(&self) -> Value {
        let rules = &self.rules;
        let mut object: Object = rules.definition.properties.clone();
        object.insert("_rid", rules.rid.text().into());
        object.insert("_ts", self.timestamp.into());
        object.insert("_self", rules.self_link.clone().into());
        object.insert("_etag", self.etag.as_str().into());
        for feed in ["docs", "sprocs", "triggers", "udfs", "conflicts"] {
            object.insert(format!("_{feed}"), format!("{feed}/").into());
        }
        object.into()
    }

    /// The same without what belongs to the regions together.
    pub(crate) fn without_replicas(&self) -> Self {
        Self { replicas: BTreeMap::new(), conflicts: Vec::new(), ..self.clone() }
    }

    /// Splits a partition, in all regions. The children go on with its log, its items keep their numbers.
    pub(crate) fn split(&mut self, id: &str, at: Cut, timestamp: u64) -> Option<[String; 2]> {
        let (edge, position) = self.edge(self.partition_by_id(id)?, at)?;
        let ids = [self.next_range.to_string(), (self.next_range + 1).to_string()];
        self.in_all_regions(|it| {
            let Some(index) = it.partitions.iter().position(|it| it.id == id) else { return };
            let parent = it.partitions.remove(index);
            let (low, high) = parent.span;
            let left = EpkRange::new(parent.range.min.clone(), edge.clone());
            let right = EpkRange::new(edge.clone(), parent.range.max.clone());
            let left = it.successor(&[&parent], left, (low, position), timestamp);
            let right = it.successor(&[&parent], right, (position, high), timestamp);
            it.generation += 1;
            it.partitions.splice(index..index, [left, right]);
        });
        Some(ids)
    }

    /// Where a partition is cut: as a point, and on the scale of its span. `None` where it cannot be.
    fn edge(&self, partition: &Partition, at: Cut) -> Option<(Epk, u128)> {
        let (low, high) = partition.span;
        let space = self.rules.space;
        match at {
            Cut::Middle => {
                let middle = low + (high - low) / 2;
                (middle > low).then(|| (space.epk(middle), middle))
            }
            Cut::Storage => {
                let edge = partition.median().filter(|_| space.is_shared())?;
                let position = space.position(&edge).clamp(low, high);
                Some((edge, position))
            }
        }
    }

    /// Makes one partition of two neighbours, in all regions; these have everything first.
    pub(crate) fn merge(&mut self, first: &str, second: &str, timestamp: u64) -> Option<String> {
        let index = self.partitions.iter().position(|it| it.id == first)?;
        self.partitions.get(index + 1).filter(|it| it.id == second)?;
        self.exchange_all();
        let id = self.next_range.to_string();
        self.in_all_regions(|it| {
            let Some([left, right]) = it.partitions.get(index..index + 2) else { return };
            let (left, right) = (left.clone(), right.clone());
            let range = EpkRange::new(left.range.min.clone(), right.range.max.clone());
            let span = (left.span.0, right.span.1);
            let merged = it.successor(&[&left, &right], range, span, timestamp);
            it.generation += 1;
            it.partitions.splice(index..index + 2, [merged]);
        });
        let reached = self.partitions.get(index).map_or(0, Partition::lsn);
        for replica in self.replicas.values_mut() {
            if let Some(merged) = replica.partitions.get_mut(index) {
                (merged.received, merged.sent) = (reached, merged.lsn());
            }
        }
        Some(id)
    }

    /// Lets all regions have everything. What a region sends in the first round reaches those before it in the second.
    fn exchange_all(&mut self) {
        let regions: Vec<usize> = self.replicas.keys().copied().collect();
        for region in regions.iter().chain(&regions) {
            self.exchange(*region, Duration::MAX);
        }
    }

    /// Locks partitions until a time, in all regions.
    pub(crate) fn lock(&mut self, ids: &[String], until: Duration) {
        self.in_all_regions(|it| {
            let locked = it.partitions.iter_mut().filter(|it| ids.contains(&it.id));
            locked.for_each(|it| it.locked_until = until);
        });
    }

    fn in_all_regions(&mut self, mut change: impl FnMut(&mut Self)) {
        self.replicas.values_mut().for_each(&mut change);
        change(self);
    }

    /// A partition over `range` with what its parents hold there.
    fn successor(
        &mut self,
        parents: &[&Partition],
        range: EpkRange,
        span: (u128, u128),
        timestamp: u64,
    ) -> Partition {
        let logs: Vec<&Log> = parents.iter().map(|it| it.log()).collect();
        let log = if logs.len() > 1 { Log::merged(&logs) } else { Log::continuing(&logs) };
        let id = self.next_range.to_string();
        self.next_range += 1;
        let mut partition = Partition::new(id, range, span, log);
        for parent in parents {
            partition.parents.extend(parent.parents.iter().cloned());
            partition.parents.push(parent.id.clone());
            (partition.received, partition.sent) = (parent.received, parent.sent);
        }
        partition.generation = self.generation + 1;
        partition.timestamp = timestamp;
        let items = parents.iter().flat_map(|it| it.items().values());
        let own: Vec<Arc<Item>> =
            items.filter(|it| partition.range.contains(&it.epk)).cloned().collect();
        for item in own {
            partition.put(item);
        }
        let range = &partition.range;
        let histories: Vec<&History> = parents.iter().map(|it| &it.history).collect();
        partition.history = History::gathered(&histories, |it| range.contains(&it.epk));
        partition
    }

    /// The rid of one of its partitions.
    pub(crate) fn range_rid(&self, partition: &Partition) -> String {
        let number = partition.id.parse().unwrap_or(0);
        self.rules.rid.child(Kind::PartitionKeyRange, number)
    }
}
