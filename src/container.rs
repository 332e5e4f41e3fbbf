//! A container: items, and the queries over them.

use serde::Serialize;

use crate::client::unwritable;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::feed::Listing;
use crate::link::{IdOf, Link, check_id};
use crate::models::ContainerProperties;
use crate::operation::{
    CreateItem, DeleteContainer, DeleteItem, Operation, ReadContainer, ReadItem, ReplaceContainer,
    ReplaceItem, UpsertItem,
};
use crate::partition_key::PartitionKey;
use crate::pipeline::{Action, Partition, ResourceType, Spec};
use crate::query::Query;
use crate::routing::extract;
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
    id: String,
}

impl Container {
    pub(crate) fn new(database: Database, id: String) -> Self {
        Self { database, id }
    }

    /// The id that the handle was made with.
    pub fn id(&self) -> &str {
        &self.id
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
    /// The item must have an `id`; its partition key is taken from it, unless given by
    /// [`partition_key`](Operation::partition_key).
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
    #[doc(alias = "replace_document")]
    pub fn replace_item<T: Serialize + ?Sized>(
        &self,
        id: &str,
        item: &T,
    ) -> Operation<ReplaceItem> {
        self.operation(self.write_spec(Action::Replace, item, Some(id)))
    }

    /// Reads the item `id` of the partition `key`: the cheapest call that there is.
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
        let state = self.database.client.shared.containers.state(&self.link()?);
        state.session.adopt(token)
    }

    pub(crate) fn link(&self) -> Result<Link> {
        check_id(IdOf::Container, &self.id)?;
        Ok(self.database.link()?.child("colls", &self.id))
    }

    fn operation<K: crate::operation::Kind>(&self, spec: Result<Spec>) -> Operation<K> {
        Operation::new(&self.database.client, spec)
    }

    fn spec(&self, action: Action) -> Result<Spec> {
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

    fn item_spec(&self, action: Action, id: &str, key: PartitionKey) -> Result<Spec> {
        check_id(IdOf::Item, id)?;
        key.check()?;
        let mut spec = self.feed_spec(action)?;
        spec.link = spec.link.child("docs", id);
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
        let own = extract::id(&body)?.ok_or_else(no_id)?;
        check_id(IdOf::Item, &own)?;
        if body.len() > MAX_BODY_BYTES {
            return Err(too_large(&own, body.len()));
        }
        let mut spec = self.feed_spec(action)?;
        if let Some(id) = id {
            check_id(IdOf::Item, id)?;
            if id != own {
                return Err(Error::invalid_input(format!(
                    "the item has the id {own:?}, but {id:?} is to be replaced"
                )));
            }
            spec.link = spec.link.child("docs", id);
        }
        spec.body = body;
        spec.partition = Partition::FromItem;
        Ok(spec)
    }
}

fn no_id() -> Error {
    Error::invalid_input("the item has no id: every item needs a property `id` that is text")
}

fn too_large(id: &str, bytes: usize) -> Error {
    Error::invalid_input(format!(
        "the item {id:?} has {bytes} bytes of JSON; the service takes at most {MAX_BODY_BYTES}"
    ))
}
