//! What stands below databases and containers beside items: scripts, users with their permissions, throughput, conflicts.

pub(crate) mod conflicts;
mod permissions;
mod scripts;
pub(crate) mod throughput;
pub(crate) mod users;

use serde::Serialize;

use crate::client::{CosmosClient, unwritable};
use crate::error::Result;
use crate::link::{IdOf, Link, check_id};
use crate::models::{
    PermissionProperties, StoredProcedureProperties, TriggerProperties,
    UserDefinedFunctionProperties, UserProperties,
};
use crate::pipeline::{Action, ResourceType, Spec};
use crate::query::Query;

pub use conflicts::Conflict;
pub use permissions::Permission;
pub use scripts::{Scripts, StoredProcedure, Trigger, UserDefinedFunction};
pub use throughput::{Offer, ResourceThroughput};
pub use users::User;

/// A resource that clients create, by its properties.
trait Resource: Serialize {
    const TYPE: ResourceType;

    fn id(&self) -> &str;
}

macro_rules! resources {
    ($($properties:ty => $kind:ident;)*) => {$(
        impl Resource for $properties {
            const TYPE: ResourceType = ResourceType::$kind;

            fn id(&self) -> &str {
                &self.id
            }
        }
    )*};
}

resources! {
    StoredProcedureProperties => StoredProcedure;
    TriggerProperties => Trigger;
    UserDefinedFunctionProperties => UserDefinedFunction;
    UserProperties => User;
    PermissionProperties => Permission;
}

/// A list of the resources below `parent`, or a query over them.
fn feed(action: Action, kind: ResourceType, parent: Result<Link>) -> Result<Spec> {
    Ok(Spec::new(action, kind, parent?))
}

/// A query over the resources of one kind.
fn query<T>(client: &CosmosClient, spec: Result<Spec>, text: String) -> Query<T> {
    match spec {
        Ok(spec) => Query::of_metadata(client, spec, text),
        Err(error) => Query::failed(client, error),
    }
}

/// A create or upsert below `parent`.
fn create<R: Resource>(action: Action, parent: Result<Link>, properties: &R) -> Result<Spec> {
    let mut spec = feed(action, R::TYPE, parent)?;
    spec.body = body(properties)?;
    Ok(spec)
}

/// The link of the resource below `parent` that callers name by its id, or by its `_self`.
fn child(kind: ResourceType, parent: Result<Link>, id: &str) -> Result<Link> {
    parent?.child_by_id_or_self(kind.segment(), id)
}

/// A read or delete of the resource itself.
fn on(action: Action, kind: ResourceType, link: Result<Link>) -> Result<Spec> {
    Ok(Spec::new(action, kind, link?))
}

/// A replace of the resource itself.
fn replace<R: Resource>(link: Result<Link>, properties: &R) -> Result<Spec> {
    let mut spec = on(Action::Replace, R::TYPE, link)?;
    spec.body = body(properties)?;
    Ok(spec)
}

fn body<R: Resource>(properties: &R) -> Result<Vec<u8>> {
    check_id(IdOf::Child(R::TYPE.word()), properties.id())?;
    serde_json::to_vec(properties).map_err(unwritable)
}
