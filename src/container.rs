//! A container: items, and the queries over them.

use std::sync::Arc;

use serde::Serialize;

use crate::client::unwritable;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::feed::{ChangeFeed, ChangeFeedProcessor, Listing};
use crate::link::{Address, IdOf, Link, check_id};
use crate::models::{ConflictProperties, ContainerProperties};
use crate::new_id;
use crate::operation::{
    CreateItem, DeleteContainer, DeleteItem, Operation, ReadContainer, ReadItem, ReplaceContainer,
    ReplaceItem, UpsertItem,
};
use crate::partition_key::PartitionKey;
use crate::pipeline::{Action, Partition, ResourceType, Spec};
use crate::query::Query;
use crate::resources::{Conflict, ResourceThroughput, Scripts, conflicts};
use crate::routing::cache::ContainerFacts;
use crate::routing::lookup::Lookup;
use crate::routing::range::EpkRange;
use crate::routing::{FeedRange, Stored, extract};
use crate::wire::MAX_BODY_BYTES;

/// A container of a database. A handle: cheap to clone, and it sends nothing by itself.
///
/// ```
/// use cosmosdb::{ContainerProperties, Emulator};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Order { id: String, city: String, total: f64 }
///
/// # let client = Emulator::new().client();
/// # client.create_database("shop").send()?;
/// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
/// let orders = client.database("shop").container("orders");
/// orders.create_item(&Order { id: "42".into(), city: "Lyon".into(), total: 12.5 }).send()?;
/// let order: Order = orders.read_item("42", "Lyon").send()?.item()?;
/// assert_eq!(order.total, 12.5);
/// # Ok::<(), cosmosdb::Error>(())
/// ```
#[doc(alias = "Collection")]
#[derive(Clone, Debug)]
pub struct Container {
    pub(crate) database: Database,
    address: Address,
}

impl Container {
    pub(crate) fn new(database: Database, address: Address) -> Self {
        Self { database, address }
    }

    /// The id that the handle was made with; of a link, its last part, which may be the resource id.
    pub fn id(&self) -> &str {
        self.address.id()
    }

    /// The database of the container.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Reads the properties of the container.
    pub fn read(&self) -> Operation<ReadContainer> {
        self.operation(self.spec(Action::Read))
    }

    /// Replaces the properties of the container. The partition key, the unique keys and some others cannot change.
    ///
    /// ```
    /// use cosmosdb::models::TimeToLive;
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// let orders = client.database("shop").container("orders");
    /// let mut properties = orders.read().send()?.properties()?;
    /// properties.default_ttl = Some(TimeToLive::Seconds(3600));
    /// let replaced = orders.replace(&properties).send()?.properties()?;
    /// assert_eq!(replaced.default_ttl, Some(TimeToLive::Seconds(3600)));
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn replace(&self, properties: &ContainerProperties) -> Operation<ReplaceContainer> {
        let spec = self.spec(Action::Replace).and_then(|mut spec| {
            spec.body = serde_json::to_vec(properties).map_err(unwritable)?;
            Ok(spec)
        });
        self.operation(spec)
    }

    /// Deletes the container with all its items.
    pub fn delete(&self) -> Operation<DeleteContainer> {
        self.operation(self.spec(Action::Delete))
    }

    /// Creates an item. One with the same id and partition key is an error (409).
    ///
    /// The item must have an `id`, or be given one by [`generate_id`](Operation::generate_id); its partition key is taken
    /// from it, unless given by [`partition_key`](Operation::partition_key).
    #[doc(alias = "create_document")]
    pub fn create_item<T: Serialize + ?Sized>(&self, item: &T) -> Operation<CreateItem> {
        self.operation(self.write_spec(Action::Create, item, None))
    }

    /// Creates an item (201), or replaces the one with the same id and partition key (200).
    #[doc(alias = "upsert_document")]
    pub fn upsert_item<T: Serialize + ?Sized>(&self, item: &T) -> Operation<UpsertItem> {
        self.operation(self.write_spec(Action::Upsert, item, None))
    }

    /// Replaces the item `id`. Neither its id nor its partition key can change.
    ///
    /// The item can be named by its `_self` too.
    #[doc(alias = "replace_document")]
    pub fn replace_item<T: Serialize + ?Sized>(
        &self,
        id: &str,
        item: &T,
    ) -> Operation<ReplaceItem> {
        self.operation(self.write_spec(Action::Replace, item, Some(id)))
    }

    /// Reads the item `id` of the partition `key`: the cheapest call that there is.
    ///
    /// The item can be named by its `_self` too, as everywhere that an item's id is asked for in a call on one item:
    /// see [`CosmosClient::container_at`](crate::CosmosClient::container_at).
    #[doc(alias = "read_document")]
    pub fn read_item(&self, id: &str, key: impl Into<PartitionKey>) -> Operation<ReadItem> {
        self.operation(self.item_spec(Action::Read, id, key.into()))
    }

    /// Deletes the item `id` of the partition `key`.
    #[doc(alias = "delete_document")]
    pub fn delete_item(&self, id: &str, key: impl Into<PartitionKey>) -> Operation<DeleteItem> {
        self.operation(self.item_spec(Action::Delete, id, key.into()))
    }

    /// Lists all items of the container, partition after partition.
    pub fn items<T>(&self) -> Listing<T> {
        let spec = self.feed_spec(Action::List).map(|mut spec| {
            spec.partition = Partition::All;
            spec
        });
        Listing::new(&self.database.client, spec)
    }

    /// Queries the items of the container, over all its partitions unless the query is given a
    /// [`partition_key`](Query::partition_key).
    ///
    /// ```
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let orders = client.database("shop").container("orders");
    /// # orders.create_item(&serde_json::json!({ "id": "42", "city": "Lyon", "total": 12.5 })).send()?;
    /// for id in orders.query_items::<String>("SELECT VALUE c.id FROM c WHERE c.total >= @min").param("@min", 10) {
    ///     assert_eq!(id?, "42");
    /// }
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    #[doc(alias = "query_documents")]
    pub fn query_items<T>(&self, text: impl Into<String>) -> Query<T> {
        Query::of_items(self, text.into())
    }

    /// What was created and changed in the container, from now on unless the feed is told otherwise.
    ///
    /// See [`ChangeFeed`]; [`change_feed_processor`](Self::change_feed_processor) shares it out among workers.
    pub fn change_feed<T>(&self) -> ChangeFeed<T> {
        ChangeFeed::new(self)
    }

    /// Shares the change feed of the container out among workers, which agree by documents in `leases`.
    ///
    /// `name` stands for what the workers do together; processors of other names read the feed for themselves. See
    /// [`ChangeFeedProcessor`].
    pub fn change_feed_processor<T>(
        &self,
        name: impl Into<String>,
        leases: &Self,
    ) -> ChangeFeedProcessor<T> {
        ChangeFeedProcessor::new(self, name.into(), leases)
    }

    /// The parts in which the container can be read in parallel: one for each of its partitions just now.
    ///
    /// The partitions are asked for anew. The ranges stay valid when the service splits or merges partitions; they
    /// then no longer are one partition each, but nothing is missed or read twice.
    ///
    /// ```
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let orders = client.database("shop").container("orders");
    /// # orders.create_item(&serde_json::json!({ "id": "1", "city": "Lyon" })).send()?;
    /// let mut changes = 0;
    /// for range in orders.feed_ranges()? {
    ///     let feed = orders.change_feed::<serde_json::Value>().feed_range(&range).from_beginning();
    ///     changes += feed.pages().next().unwrap()?.items().len();
    /// }
    /// assert_eq!(changes, 1);
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn feed_ranges(&self) -> Result<Vec<FeedRange>> {
        let shared = &self.database.client.shared;
        let timeout = shared.options.operation_timeout;
        let lookup = Lookup::new(shared, timeout);
        let map = shared.containers.fresh_ranges(&lookup, &self.link()?)?;
        Ok(map.ranges().iter().map(|it| it.epk_range().into()).collect())
    }

    /// The part of the container that holds a partition key alone, or the prefix of a hierarchical one.
    ///
    /// The container is read once for its definition, where it is not known yet.
    ///
    /// ```
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("visits", ["/tenant", "/user"])).send()?;
    /// let visits = client.database("shop").container("visits");
    /// let tenant = visits.feed_range_of("FR")?;
    /// let user = visits.feed_range_of(("FR", "ana"))?;
    /// assert!(user.is_subset_of(&tenant));
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// The key has more values than the container's definition has paths, or fewer where it is not hierarchical.
    pub fn feed_range_of(&self, key: impl Into<PartitionKey>) -> Result<FeedRange> {
        let key = key.into();
        key.check()?;
        Ok(EpkRange::of(&key, &self.facts()?.definition)?.into())
    }

    /// Reads a feed range that any SDK has stored, also one that needs the container to be understood: of a single
    /// partition key, or of the id of a partition, which must still exist.
    ///
    /// Ranges proper are also read by [`FeedRange`]'s `parse`, without a container.
    pub fn parse_feed_range(&self, text: &str) -> Result<FeedRange> {
        match Stored::parse(text)? {
            Stored::Range(range) => Ok(range),
            Stored::Key(key) => self.feed_range_of(key),
            Stored::Partition(id) => {
                let shared = &self.database.client.shared;
                let timeout = shared.options.operation_timeout;
                let lookup = Lookup::new(shared, timeout);
                let map = shared.containers.fresh_ranges(&lookup, &self.link()?)?;
                let range = map.by_id(&id).ok_or_else(|| {
                    Error::invalid_input(format!(
                        "the container has no partition {id:?} (any more)"
                    ))
                })?;
                Ok(range.epk_range().into())
            }
        }
    }

    /// What the client knows of the container, read where it is not known.
    pub(crate) fn facts(&self) -> Result<Arc<ContainerFacts>> {
        let shared = &self.database.client.shared;
        let lookup = Lookup::new(shared, shared.options.operation_timeout);
        shared.containers.get(&lookup, &self.link()?)
    }

    /// How far this client has seen the container, over all its partitions: its latest session token. `None` before
    /// anything was read or written, or where the id is none.
    ///
    /// Given to another client, by [`Operation::session_token`] or by
    /// [`adopt_session_token`](Self::adopt_session_token), it makes that client see at least what this one saw.
    ///
    /// ```
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let emulator = Emulator::new();
    /// # let (writer, reader) = (emulator.client(), emulator.client());
    /// # writer.create_database("shop").send()?;
    /// # writer.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// let orders = writer.database("shop").container("orders");
    /// orders.create_item(&serde_json::json!({ "id": "42", "city": "Lyon" })).send()?;
    ///
    /// let token = orders.session_token().unwrap();
    /// let theirs = reader.database("shop").container("orders");
    /// theirs.adopt_session_token(&token)?;
    /// assert!(theirs.read_item("42", "Lyon").send().is_ok());
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn session_token(&self) -> Option<String> {
        let state = self.database.client.shared.containers.state(&self.link().ok()?);
        state.session.all()?.to_str().ok().map(str::to_owned)
    }

    /// Makes this client's reads see at least what another client saw, whose session token this is.
    ///
    /// # Errors
    /// The token is malformed, or the container's id is.
    pub fn adopt_session_token(&self, token: &str) -> Result<()> {
        let containers = &self.database.client.shared.containers;
        let state = containers.state(&self.link()?);
        state.adopt_session(token)?;
        containers.adopted(&state, token);
        Ok(())
    }

    /// The container's stored procedures, triggers and user-defined functions. Sends nothing.
    pub fn scripts(&self) -> Scripts {
        Scripts::new(self.clone())
    }

    /// The throughput of the container's own. Sends nothing.
    pub fn throughput(&self) -> ResourceThroughput {
        ResourceThroughput::of_container(self.clone())
    }

    /// The conflict `id` about an item of the partition `key`. Sends nothing.
    pub fn conflict(&self, id: impl Into<String>, key: impl Into<PartitionKey>) -> Conflict {
        Conflict::new(self.clone(), id.into(), key.into())
    }

    /// Lists the conflicts that wait for the application: versions of items that lost against another region's.
    ///
    /// ```
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let orders = client.database("shop").container("orders");
    /// for conflict in orders.conflicts() {
    ///     let conflict = conflict?;
    ///     println!("{}: {:?}", conflict.operation_type, conflict.item::<serde_json::Value>()?);
    /// }
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn conflicts(&self) -> Listing<ConflictProperties> {
        Listing::new(&self.database.client, conflicts::feed(self, Action::List))
    }

    /// Queries the conflicts of the container: `SELECT * FROM r WHERE r.operationType = 'replace'`.
    pub fn query_conflicts(&self, text: impl Into<String>) -> Query<ConflictProperties> {
        conflicts::query(self, text.into())
    }

    /// The link of the container by names, `dbs/shop/colls/orders`, as permissions and conflict resolution policies
    /// name resources.
    ///
    /// ```
    /// # let client = cosmosdb::Emulator::new().client();
    /// let orders = client.database("shop").container("orders");
    /// assert_eq!(orders.link_by_names(), "dbs/shop/colls/orders");
    /// ```
    pub fn link_by_names(&self) -> String {
        format!("dbs/{}/colls/{}", self.database.id(), self.id())
    }

    pub(crate) fn link(&self) -> Result<Link> {
        self.address.resolve(&["dbs", "colls"], || self.database.link())
    }

    pub(crate) fn operation<K: crate::operation::Kind>(&self, spec: Result<Spec>) -> Operation<K> {
        Operation::new(&self.database.client, spec)
    }

    pub(crate) fn spec(&self, action: Action) -> Result<Spec> {
        Ok(Spec::new(action, ResourceType::Container, self.link()?))
    }

    /// An operation on the feed of items.
    pub(crate) fn feed_spec(&self, action: Action) -> Result<Spec> {
        let link = self.link()?;
        let mut spec = Spec::new(action, ResourceType::Item, link.clone());
        spec.container = Some(link);
        spec.options.minimal_content = self.database.client.shared.options.minimal_content;
        Ok(spec)
    }

    pub(crate) fn item_spec(&self, action: Action, id: &str, key: PartitionKey) -> Result<Spec> {
        key.check()?;
        let mut spec = self.feed_spec(action)?;
        spec.link = spec.link.child_by_id_or_self("docs", id)?;
        spec.partition = Partition::Key(key);
        Ok(spec)
    }

    fn write_spec<T: Serialize + ?Sized>(
        &self,
        action: Action,
        item: &T,
        id: Option<&str>,
    ) -> Result<Spec> {
        let body = serde_json::to_vec(item).map_err(unwritable)?;
        let mut spec = self.feed_spec(action)?;
        if let Some(id) = id {
            spec.link = spec.link.child_by_id_or_self("docs", id)?;
        }
        // What is addressed by its resource id may have any id.
        let expected = id.filter(|_| !spec.link.is_by_rid()).and(spec.link.name());
        match check_item(&body, expected) {
            Err(_) if id.is_none() && new_id::is_wanted(&body) => spec.lacks_id = true,
            checked => drop(checked?),
        }
        spec.body = body;
        spec.partition = Partition::FromItem;
        Ok(spec)
    }
}

/// Checks the JSON of an item, which is to be written in place of `replaced` if that is given. Returns its id.
pub(crate) fn check_item(json: &[u8], replaced: Option<&str>) -> Result<String> {
    let own = extract::id(json)?.ok_or_else(no_id)?;
    check_id(IdOf::Item, &own)?;
    if json.len() > MAX_BODY_BYTES {
        return Err(too_large(&own, json.len()));
    }
    let Some(id) = replaced else { return Ok(own) };
    check_id(IdOf::Item, id)?;
    if id != own {
        return Err(Error::invalid_input(format!(
            "the item has the id {own:?}, but {id:?} is to be replaced"
        )));
    }
    Ok(own)
}

/// The error of an item that needs an id.
pub(crate) fn no_id() -> Error {
    Error::invalid_input("the item has no id: every item needs a property `id` that is text")
}

fn too_large(id: &str, bytes: usize) -> Error {
    Error::invalid_input(format!(
        "the item {id:?} has {bytes} bytes of JSON; the service takes at most {MAX_BODY_BYTES}"
    ))
}
