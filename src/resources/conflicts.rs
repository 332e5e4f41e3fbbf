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
    /// ```no_run
    /// # let client = cosmosdb::CosmosClient::from_env()?;
    /// # let orders = client.database("shop").container("orders");
    /// # let id = "5a8a…";
    /// let conflict = orders.conflict(id, "Lyon").read().send()?.properties()?;
    /// if let Some(lost) = conflict.item::<serde_json::Value>()? {
    ///     println!("this {} lost: {lost}", conflict.operation_type);
    /// }
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn read(&self) -> Operation<ReadConflict> {
        self.container.operation(self.spec(Action::Read))
    }

    /// Deletes the conflict: it is settled.
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
