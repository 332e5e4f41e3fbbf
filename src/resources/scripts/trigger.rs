//! A trigger.

use super::super::{child, on, replace};
use super::Scripts;
use crate::error::Result;
use crate::link::Link;
use crate::models::TriggerProperties;
use crate::operation::{DeleteTrigger, Kind, Operation, ReadTrigger, ReplaceTrigger};
use crate::pipeline::{Action, ResourceType, Spec};

/// A trigger of a container. A handle: cheap to clone, and it sends nothing by itself.
#[derive(Clone, Debug)]
pub struct Trigger {
    scripts: Scripts,
    id: String,
}

impl Trigger {
    pub(super) fn new(scripts: Scripts, id: String) -> Self {
        Self { scripts, id }
    }

    /// The id that the handle was made with.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Reads the trigger.
    ///
    /// ```
    /// use cosmosdb::models::{TriggerOperation, TriggerProperties, TriggerType};
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let scripts = client.database("shop").container("orders").scripts();
    /// # scripts.create_trigger(TriggerProperties::new("stamp", "function () {}", TriggerType::Pre, TriggerOperation::All)).send()?;
    /// let stamp = scripts.trigger("stamp").read().send()?.properties()?;
    /// assert!(stamp.body.starts_with("function"));
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn read(&self) -> Operation<ReadTrigger> {
        self.operation(on(Action::Read, ResourceType::Trigger, self.link()))
    }

    /// Replaces the trigger.
    ///
    /// ```
    /// use cosmosdb::models::{TriggerOperation, TriggerProperties, TriggerType};
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let scripts = client.database("shop").container("orders").scripts();
    /// # scripts.create_trigger(TriggerProperties::new("stamp", "function () {}", TriggerType::Pre, TriggerOperation::All)).send()?;
    /// let stamp = scripts.trigger("stamp");
    /// let read = stamp.read().send()?;
    /// let mut properties = read.properties()?;
    /// properties.body = "function () { /* … */ }".into();
    /// // Only if nobody changed it since:
    /// stamp.replace(&properties).if_match(read.etag().unwrap()).send()?;
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn replace(&self, properties: &TriggerProperties) -> Operation<ReplaceTrigger> {
        self.operation(replace(self.link(), properties))
    }

    /// Deletes the trigger.
    ///
    /// ```
    /// use cosmosdb::models::{TriggerOperation, TriggerProperties, TriggerType};
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let scripts = client.database("shop").container("orders").scripts();
    /// # scripts.create_trigger(TriggerProperties::new("stamp", "function () {}", TriggerType::Pre, TriggerOperation::All)).send()?;
    /// scripts.trigger("stamp").delete().send()?;
    /// assert!(scripts.trigger("stamp").read().send().unwrap_err().is_not_found());
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn delete(&self) -> Operation<DeleteTrigger> {
        self.operation(on(Action::Delete, ResourceType::Trigger, self.link()))
    }

    fn link(&self) -> Result<Link> {
        child(ResourceType::Trigger, self.scripts.link(), &self.id)
    }

    fn operation<K: Kind>(&self, spec: Result<Spec>) -> Operation<K> {
        self.scripts.operation(spec)
    }
}
