//! Deletes all items of a partition key.

use crate::container::Container;
use crate::operation::{DeleteAllItems, Operation};
use crate::partition_key::PartitionKey;
use crate::pipeline::{Action, Partition};

impl Container {
    /// Deletes all items of the partition `key`.
    ///
    /// The service deletes in the background, with at most a tenth of the container's request units, but the items are
    /// gone at once for reads and queries that come after it. Items written to the key while it is at work may be
    /// deleted as well. The account must have the feature "delete all items by partition key" enabled. Where the
    /// container has a hierarchical key, the key must be complete.
    ///
    /// ```
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let orders = client.database("shop").container("orders");
    /// # for id in ["1", "2"] { orders.create_item(&serde_json::json!({ "id": id, "city": "Lyon" })).send()?; }
    /// orders.delete_all_items("Lyon").send()?;
    /// assert_eq!(orders.items::<serde_json::Value>().into_iter().count(), 0);
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn delete_all_items(&self, key: impl Into<PartitionKey>) -> Operation<DeleteAllItems> {
        let key = key.into();
        let spec = key.check().and_then(|()| {
            let mut spec = self.spec(Action::DeleteByKey)?;
            spec.container = Some(spec.link.clone());
            spec.partition = Partition::Key(key);
            Ok(spec)
        });
        self.operation(spec)
    }
}
