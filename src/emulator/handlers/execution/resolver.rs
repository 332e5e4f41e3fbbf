//! Conflicts between regions that a stored procedure of the container settles.

use std::sync::Arc;

use super::stage::{Occasion, Part, Stage};
use crate::emulator::Inner;
use crate::emulator::sql::value::Value;
use crate::emulator::store::Account;
use crate::emulator::store::container::Container;
use crate::emulator::store::partition::Stamp;
use crate::emulator::store::script::Script;
use crate::partition_key::PartitionKey;

/// After so many vain attempts the conflict is left to the application.
const MAX_ATTEMPTS: usize = 10;

/// A conflict that a procedure may settle.
struct Due {
    database: String,
    container: String,
    id: String,
}

/// Runs the procedures of the conflicts that are new; says whether there were any.
///
/// A conflict whose procedure fails stays in the feed, for the application.
pub(crate) fn resolve(emulator: &Inner) -> bool {
    let due = take_due(&mut emulator.write());
    for conflict in &due {
        let occasion = Occasion::without_request(emulator);
        let is_settled = (0..MAX_ATTEMPTS).find_map(|_| conflict.attempt(emulator, &occasion));
        if is_settled == Some(true) {
            conflict.remove(&mut emulator.write());
        }
    }
    !due.is_empty()
}

/// The conflicts that no procedure has seen yet, of containers that have one.
fn take_due(account: &mut Account) -> Vec<Due> {
    let mut due = Vec::new();
    for database in &mut account.databases {
        for container in &mut database.containers {
            let has_procedure = procedure(container).is_some();
            let id = container.id().to_owned();
            for conflict in container.conflicts.iter_mut().filter(|it| it.is_new) {
                conflict.is_new = false;
                if has_procedure {
                    let (database, container) = (database.id.clone(), id.clone());
                    due.push(Due { database, container, id: conflict.id.clone() });
                }
            }
        }
    }
    due
}

/// The procedure that the container's policy names, if it is there.
fn procedure(container: &Container) -> Option<&Script> {
    let policy = container.rules.definition.properties.get("conflictResolutionPolicy")?;
    let link = policy.get("conflictResolutionProcedure");
    let id = link.as_str()?.trim_end_matches('/').rsplit('/').next()?;
    container.scripts.procedures.iter().find(|it| it.id == id)
}

impl Due {
    /// Runs the procedure once: whether it came to its end, or `None` where somebody else has written meanwhile.
    fn attempt(&self, emulator: &Inner, occasion: &Occasion) -> Option<bool> {
        let Some((stage, script, arguments)) = self.begin(&emulator.write(), occasion) else {
            return Some(false);
        };
        let performed = stage.perform(Part {
            script: &script,
            role: "procedure",
            operation: None,
            request: arguments.clone(),
            arguments,
            response: "".into(),
        });
        if performed.is_err() {
            return Some(false);
        }
        let mut account = emulator.write();
        let region = emulator.topology().write_region;
        let stamp = Stamp { region, at: emulator.monotonic(), timestamp: occasion.seconds };
        let container = self.container_mut(&mut account);
        let partition = container.and_then(|it| it.partition_at_mut(&stage.epk));
        let Some((_, partition)) = partition else { return Some(false) };
        stage.commit(partition, stamp).then_some(true)
    }

    fn begin(&self, account: &Account, occasion: &Occasion) -> Option<(Stage, Script, Value)> {
        let container = account.database(&self.database)?.container(&self.container)?;
        let script = procedure(container)?.clone();
        let conflict = container.conflicts.iter().find(|it| it.id == self.id)?;
        let rules = Arc::clone(&container.rules);
        let key = PartitionKey::from_header_value(&conflict.item.key).ok()?;
        let partition = container.partition_at(&rules.epk(&key))?;
        let functions = &container.scripts.functions;
        let place = (partition, container.owner());
        let stage = Stage::new(occasion, place, (rules, key), functions);
        let arguments = arguments(&stage, &conflict.value, conflict.item.number);
        Some((stage, script, arguments))
    }

    fn remove(&self, account: &mut Account) {
        if let Some(container) = self.container_mut(account) {
            container.conflicts.retain(|it| it.id != self.id);
        }
    }

    fn container_mut<'a>(&self, account: &'a mut Account) -> Option<&'a mut Container> {
        account.database_mut(&self.database)?.container_mut(&self.container)
    }
}

/// The incoming item, the one that is there, whether that was deleted, and others in the way of the incoming one.
fn arguments(stage: &Stage, conflict: &Value, number: u64) -> Value {
    let content = conflict.get("content");
    let incoming = Value::from_json(content.as_str().unwrap_or_default().as_bytes());
    let incoming = incoming.unwrap_or(Value::Null);
    let resource = conflict.get("resourceId");
    let current = stage.current(resource.as_str().unwrap_or_default());
    let is_there = current.is_some();
    let (existing, others) = match current {
        Some((own, item)) if own == number => (item, Vec::new()),
        Some((_, item)) => (Value::Null, vec![item]),
        None => (Value::Null, Vec::new()),
    };
    let is_tombstone = !is_there && incoming != Value::Null;
    Value::array(vec![incoming, existing, is_tombstone.into(), Value::array(others)])
}
