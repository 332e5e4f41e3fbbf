//! Conflicts: versions of items that lost against another region's, and wait for the application.

use super::child;
use crate::container::Container;
use crate::error::Result;
use crate::models::ConflictProperties;
use crate::operation::{DeleteConflict, Operation, ReadConflict};
use crate::partition_key::PartitionKey;
use crate::pipeline::{Action, Partition, ResourceType, Spec};
use crate::query::Query;

/// A conflict of a container. A handle: cheap to clone, and it sends nothing by itself.
///
/// Conflicts come about where several regions take writes, and the container's
/// [`ConflictResolutionPolicy`](crate::models::ConflictResolutionPolicy) leaves it to the application to say which
/// version is right. It reads the conflict, writes the item as it is to be, and deletes the conflict.
#[derive(Clone, Debug)]
pub struct Conflict {
    container: Container,
    id: String,
    key: PartitionKey,
}

impl Conflict {
    pub(crate) fn new(container: Container, id: String, key: PartitionKey) -> Self {
        Self { container, id, key }
    }

    /// The id that the handle was made with.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Reads the conflict.
    ///
    /// ```
    /// # use cosmosdb::models::ConflictResolutionPolicy;
    /// # use cosmosdb::{ContainerProperties, CosmosClient, Emulator};
    /// # let account = Emulator::builder().regions(["East US", "West US"]).multi_write(true).build()?;
    /// # let orders_in = |region: &str| -> cosmosdb::Result<cosmosdb::Container> {
    /// #     let builder = CosmosClient::builder(account.endpoint()).key(account.key());
    /// #     let builder = builder.shared_transport(account.transport()).preferred_regions([region]);
    /// #     Ok(builder.multiple_write_locations(true).build()?.database("shop").container("orders"))
    /// # };
    /// # let (orders, west) = (orders_in("East US")?, orders_in("West US")?);
    /// # let manual = ConflictResolutionPolicy::manual();
    /// # account.client().create_database("shop").send()?;
    /// # let properties = ContainerProperties::new("orders", "/city").with_conflict_resolution(manual);
    /// # account.client().database("shop").create_container(properties).send()?;
    /// # let order = |total: i32| serde_json::json!({ "id": "42", "city": "Lyon", "total": total });
    /// # orders.create_item(&order(0)).send()?;
    /// # account.pause_replication("West US")?;
    /// # west.upsert_item(&order(1)).send()?;
    /// # orders.upsert_item(&order(2)).send()?;
    /// # account.resume_replication("West US")?;
    /// # let id = orders.conflicts().into_iter().next().unwrap()?.id;
    /// let conflict = orders.conflict(id, "Lyon").read().send()?.properties()?;
    /// if let Some(lost) = conflict.item::<serde_json::Value>()? {
    ///     println!("this {} lost: {lost}", conflict.operation_type);
    /// #   assert_eq!(lost["total"], 1);
    /// }
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn read(&self) -> Operation<ReadConflict> {
        self.container.operation(self.spec(Action::Read))
    }

    /// Deletes the conflict: it is settled.
    ///
    /// ```
    /// # use cosmosdb::models::ConflictResolutionPolicy;
    /// # use cosmosdb::{ContainerProperties, CosmosClient, Emulator};
    /// # let account = Emulator::builder().regions(["East US", "West US"]).multi_write(true).build()?;
    /// # let orders_in = |region: &str| -> cosmosdb::Result<cosmosdb::Container> {
    /// #     let builder = CosmosClient::builder(account.endpoint()).key(account.key());
    /// #     let builder = builder.shared_transport(account.transport()).preferred_regions([region]);
    /// #     Ok(builder.multiple_write_locations(true).build()?.database("shop").container("orders"))
    /// # };
    /// # let (orders, west) = (orders_in("East US")?, orders_in("West US")?);
    /// # let manual = ConflictResolutionPolicy::manual();
    /// # account.client().create_database("shop").send()?;
    /// # let properties = ContainerProperties::new("orders", "/city").with_conflict_resolution(manual);
    /// # account.client().database("shop").create_container(properties).send()?;
    /// # let order = |total: i32| serde_json::json!({ "id": "42", "city": "Lyon", "total": total });
    /// # orders.create_item(&order(0)).send()?;
    /// # account.pause_replication("West US")?;
    /// # west.upsert_item(&order(1)).send()?;
    /// # orders.upsert_item(&order(2)).send()?;
    /// # account.resume_replication("West US")?;
    /// for conflict in orders.conflicts().partition_key("Lyon") {
    ///     let conflict = conflict?;
    ///     // Here the version that lost is the right one after all.
    ///     if let Some(lost) = conflict.item::<serde_json::Value>()? {
    ///         orders.upsert_item(&lost).send()?;
    ///     }
    ///     orders.conflict(conflict.id, "Lyon").delete().send()?;
    /// }
    /// assert_eq!(orders.conflicts().into_iter().count(), 0);
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn delete(&self) -> Operation<DeleteConflict> {
        self.container.operation(self.spec(Action::Delete))
    }

    fn spec(&self, action: Action) -> Result<Spec> {
        self.key.check()?;
        let link = child(ResourceType::Conflict, self.container.link(), &self.id)?;
        let mut spec = Spec::new(action, ResourceType::Conflict, link);
        spec.container = Some(self.container.link()?);
        spec.partition = Partition::Key(self.key.clone());
        Ok(spec)
    }
}

/// A list of a container's conflicts, in all its partitions unless it is told otherwise.
pub(crate) fn feed(container: &Container, action: Action) -> Result<Spec> {
    let mut spec = super::feed(action, ResourceType::Conflict, container.link())?;
    spec.partition = Partition::All;
    Ok(spec)
}

/// A query over them.
pub(crate) fn query(container: &Container, text: String) -> Query<ConflictProperties> {
    super::query(&container.database.client, feed(container, Action::Query), text)
}
