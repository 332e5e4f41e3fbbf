//! What the account holds: databases, containers, partitions and items, all behind one lock.

pub(crate) mod conflict;
pub(crate) mod container;
pub(crate) mod definition;
pub(crate) mod history;
pub(crate) mod item;
pub(crate) mod log;
pub(crate) mod offer;
pub(crate) mod partition;
pub(crate) mod patch;
mod reconcile;
mod replica;
pub(crate) mod rid;
pub(crate) mod script;
mod space;
#[cfg(feature = "scripts")]
pub(crate) mod transaction;
pub(crate) mod user;
pub(crate) mod write;

use std::time::Duration;

use self::container::Container;
use self::log::Log;
use self::offer::{Offer, Throughput};
use self::partition::etag;
use self::user::User;
use super::response::{Owner, Replica};
use super::sql::value::{Object, Value};
use super::topology::Topology;

/// The account.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) databases: Vec<Database>,
    pub(crate) offers: Vec<Offer>,
    /// Counts the changes to everything above items.
    lsn: u64,
    database_count: u32,
    offer_count: u32,
}

/// A database.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) id: String,
    pub(crate) rid: [u8; 4],
    pub(crate) containers: Vec<Container>,
    pub(crate) users: Vec<User>,
    /// The partitions that its containers share, if the database has throughput.
    pub(crate) shared: Option<Vec<Log>>,
    /// The step at which it was made.
    pub(crate) lsn: u64,
    etag: String,
    timestamp: u64,
    container_count: u32,
    user_count: u32,
}

impl Account {
    /// Takes over a changed set of regions.
    pub(crate) fn adopt(&mut self, topology: &Topology) {
        for database in &self.databases {
            database.shared.iter().flatten().for_each(|it| it.adopt(topology));
        }
        for container in self.containers_mut() {
            let replicas = container.replicas.values().flat_map(|it| &it.partitions);
            container.partitions.iter().chain(replicas).for_each(|it| it.log().adopt(topology));
        }
    }

    /// All containers, of all databases.
    pub(crate) fn containers_mut(&mut self) -> impl Iterator<Item = &mut Container> {
        self.databases.iter_mut().flat_map(|it| &mut it.containers)
    }

    /// One step on.
    pub(crate) fn advance(&mut self) -> u64 {
        self.lsn += 1;
        self.lsn
    }

    /// An etag of something that was written at this step.
    pub(crate) fn etag(&self, timestamp: u64) -> String {
        etag(self.lsn, timestamp)
    }

    /// Who answers for everything above items.
    pub(crate) fn replica(&self) -> Replica {
        Replica { session_token: format!("0:-1#{}", self.lsn), lsn: self.lsn, range_id: None }
    }

    /// The database with this name or rid.
    pub(crate) fn database(&self, id: &str) -> Option<&Database> {
        self.databases.get(self.database_index(id)?)
    }

    pub(crate) fn database_mut(&mut self, id: &str) -> Option<&mut Database> {
        let index = self.database_index(id)?;
        self.databases.get_mut(index)
    }

    pub(crate) fn database_index(&self, id: &str) -> Option<usize> {
        let by_name = self.databases.iter().position(|it| it.id == id);
        by_name.or_else(|| self.databases.iter().position(|it| rid::text(&it.rid) == id))
    }

    /// Adds an empty database.
    pub(crate) fn create_database(
        &mut self,
        id: String,
        shared: Option<Vec<Log>>,
        timestamp: u64,
    ) -> &mut Database {
        self.database_count += 1;
        let lsn = self.advance();
        let index = self.databases.len();
        self.databases.push(Database {
            id,
            rid: rid::database(self.database_count),
            containers: Vec::new(),
            users: Vec::new(),
            shared,
            lsn,
            etag: etag(lsn, timestamp),
            timestamp,
            container_count: 0,
            user_count: 0,
        });
        &mut self.databases[index]
    }

    /// Gives a resource its own throughput.
    pub(crate) fn create_offer(
        &mut self,
        (resource, resource_rid): (String, String),
        throughput: Throughput,
        timestamp: u64,
    ) {
        self.offer_count += 1;
        let rid = rid::offer(self.offer_count);
        let etag = self.etag(timestamp);
        self.offers.push(Offer {
            rid,
            resource,
            resource_rid,
            throughput,
            etag,
            timestamp,
            pending_until: Duration::ZERO,
        });
    }

    /// The offer of the resource with this rid.
    pub(crate) fn offer_of(&self, resource_rid: &str) -> Option<&Offer> {
        self.offers.iter().find(|it| it.resource_rid == resource_rid)
    }

    /// Removes a database with all that is in it.
    pub(crate) fn remove_database(&mut self, index: usize) {
        let database = self.databases.remove(index);
        let own = rid::text(&database.rid);
        let containers: Vec<_> = database.containers.iter().map(|it| it.rules.rid.text()).collect();
        self.offers.retain(|it| it.resource_rid != own && !containers.contains(&it.resource_rid));
        self.advance();
    }
}

impl Database {
    pub(crate) fn owner(&self) -> Owner {
        Owner { path: format!("dbs/{}", self.id), rid: rid::text(&self.rid), fill: None }
    }

    /// `dbs/{rid}/`
    pub(crate) fn self_link(&self) -> String {
        format!("dbs/{}/", rid::text(&self.rid))
    }

    pub(crate) fn etag(&self) -> &str {
        &self.etag
    }

    /// The container with this name or rid.
    pub(crate) fn container(&self, id: &str) -> Option<&Container> {
        self.containers.get(self.container_index(id)?)
    }

    pub(crate) fn container_mut(&mut self, id: &str) -> Option<&mut Container> {
        let index = self.container_index(id)?;
        self.containers.get_mut(index)
    }

    pub(crate) fn container_index(&self, id: &str) -> Option<usize> {
        let by_name = self.containers.iter().position(|it| it.id() == id);
        by_name.or_else(|| self.containers.iter().position(|it| it.rules.rid.text() == id))
    }

    /// A rid for a new container.
    pub(crate) fn next_container_rid(&mut self) -> rid::ContainerRid {
        self.container_count += 1;
        rid::ContainerRid::new(self.rid, self.container_count)
    }

    /// A rid for a new user.
    pub(crate) fn next_user_rid(&mut self) -> [u8; 8] {
        self.user_count += 1;
        rid::user(self.rid, self.user_count)
    }

    /// The user with this name or rid.
    pub(crate) fn user_index(&self, id: &str) -> Option<usize> {
        let by_name = self.users.iter().position(|it| it.id == id);
        by_name.or_else(|| self.users.iter().position(|it| rid::text(&it.rid) == id))
    }

    /// The database as the service shows it.
    pub(crate) fn to_value(&self) -> Value {
        Object::from_iter([
            ("id", Value::from(self.id.as_str())),
            ("_rid", rid::text(&self.rid).into()),
            ("_self", self.self_link().into()),
            ("_etag", self.etag.as_str().into()),
            ("_colls", "colls/".into()),
            ("_users", "users/".into()),
            ("_ts", self.timestamp.into()),
        ])
        .into()
    }
}
