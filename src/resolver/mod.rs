//! Spreading the items of a database over several containers, by rules of the program's own.
//!
//! Containers have partitions, and spread items by themselves; that is what new programs use. A resolver serves data
//! that older programs have spread over containers, and rules that the service does not know, such as one container a
//! year.
//!
//! A database of a client has at most one [`PartitionResolver`]. Once it is registered,
//! [`Database::create_item`], [`Database::upsert_item`] and [`Database::query_items`] ask it for the containers.
//!
//! ```
//! use cosmosdb::ContainerProperties;
//! use cosmosdb::resolver::{Keys, RangePartitionResolver};
//! use serde_json::{Value, json};
//!
//! # let client = cosmosdb::Emulator::new().client();
//! # client.create_database("shop").send()?;
//! let shop = client.database("shop");
//! for id in ["archive", "current"] {
//!     shop.create_container(ContainerProperties::new(id, "/city")).send()?;
//! }
//! shop.register_partition_resolver(RangePartitionResolver::new(
//!     "/year",
//!     [(1900..=1999, "archive"), (2000..=2099, "current")],
//! )?);
//!
//! shop.create_item(&json!({ "id": "1", "city": "Lyon", "year": 1998 })).send()?;
//! shop.create_item(&json!({ "id": "2", "city": "Lyon", "year": 2024 })).send()?;
//!
//! let recent = shop.query_items::<Value>("SELECT * FROM c WHERE c.year >= 2020", 2020..=2099);
//! assert_eq!(recent.into_iter().count(), 1);
//! let all = shop.query_items::<Value>("SELECT * FROM c", Keys::All);
//! assert_eq!(all.into_iter().count(), 2);
//! # Ok::<(), cosmosdb::Error>(())
//! ```

mod hash;
mod hash_ring;
mod item_key;
mod keys;
mod range;
mod registry;

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::client::unwritable;
use crate::container::Container;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::link::{IdOf, check_id};
use crate::operation::{CreateItem, Operation, UpsertItem};
use crate::query::Query;

pub use hash::{HashPartitionResolver, HashPartitionResolverBuilder};
pub use item_key::ItemKey;
pub use keys::{KeyRange, Keys};
pub use range::RangePartitionResolver;
pub(crate) use registry::Registry;

/// Says in which containers of a database items lie.
///
/// Containers are named by their ids, or by links such as `dbs/shop/colls/orders`, which may lead into another database.
/// The methods are called by each thread that uses the database, with no lock held; they are not to block for long.
///
/// ```
/// use cosmosdb::resolver::{Keys, PartitionResolver};
/// use serde_json::Value;
///
/// /// Orders of today's customers lie apart.
/// struct ByStatus;
///
/// impl PartitionResolver for ByStatus {
///     fn resolve_for_create(&self, item: &Value) -> cosmosdb::Result<String> {
///         Ok(if item["open"] == true { "open" } else { "done" }.to_owned())
///     }
///
///     fn resolve_for_read(&self, keys: &Keys) -> cosmosdb::Result<Vec<String>> {
///         Ok(match keys {
///             Keys::All => vec!["open".to_owned(), "done".to_owned()],
///             _ => vec!["open".to_owned()],
///         })
///     }
/// }
/// # let client = cosmosdb::Emulator::new().client();
/// client.database("shop").register_partition_resolver(ByStatus);
/// ```
pub trait PartitionResolver: Send + Sync {
    /// The container that the item goes to.
    ///
    /// # Errors
    /// The item has no place; what is returned is the caller's.
    fn resolve_for_create(&self, item: &Value) -> Result<String>;

    /// The containers in which items with these keys can be, in the order in which they are to be asked.
    ///
    /// # Errors
    /// The keys have no place; what is returned is the caller's.
    fn resolve_for_read(&self, keys: &Keys) -> Result<Vec<String>>;
}

/// Items spread over several containers by a [`PartitionResolver`].
impl Database {
    /// Has this resolver say in which containers items lie, for all handles of this client on the database. Another one
    /// that was registered for the database gives way; those of other databases stay.
    pub fn register_partition_resolver(&self, resolver: impl PartitionResolver + 'static) {
        self.client.shared.resolvers.insert(self.id(), Arc::new(resolver));
    }

    /// The resolver that was registered for the database.
    pub fn partition_resolver(&self) -> Option<Arc<dyn PartitionResolver>> {
        self.client.shared.resolvers.get(self.id())
    }

    /// Creates an item in the container that the resolver says. See [`Container::create_item`].
    ///
    /// # Errors
    /// Beside those of the container's: the database has no resolver, or it has no place for the item.
    #[doc(alias = "create_document")]
    pub fn create_item<T: Serialize + ?Sized>(&self, item: &T) -> Operation<CreateItem> {
        match self.place_of(item) {
            Ok(container) => container.create_item(item),
            Err(error) => Operation::new(&self.client, Err(error)),
        }
    }

    /// Creates or replaces an item in the container that the resolver says. See [`Container::upsert_item`].
    ///
    /// # Errors
    /// Beside those of the container's: the database has no resolver, or it has no place for the item.
    #[doc(alias = "upsert_document")]
    pub fn upsert_item<T: Serialize + ?Sized>(&self, item: &T) -> Operation<UpsertItem> {
        match self.place_of(item) {
            Ok(container) => container.upsert_item(item),
            Err(error) => Operation::new(&self.client, Err(error)),
        }
    }

    /// Queries the containers in which the resolver says that items with these keys are, one after the other: each
    /// answers for itself, so that `ORDER BY`, `TOP` and aggregates hold within a container only.
    ///
    /// [`Keys::All`], or `None`, queries all containers. See [`Container::query_items`] for the rest.
    ///
    /// # Errors
    /// Beside those of the container's: the database has no resolver, or it has no place for the keys.
    #[doc(alias = "query_documents")]
    pub fn query_items<T>(&self, text: impl Into<String>, keys: impl Into<Keys>) -> Query<T> {
        let containers = self.resolver().and_then(|it| {
            let names = it.resolve_for_read(&keys.into())?;
            names.iter().map(|name| self.named(name)).collect::<Result<Vec<_>>>()
        });
        match containers {
            Ok(containers) => Query::of_several(&self.client, &containers, text.into()),
            Err(error) => Query::failed(&self.client, error),
        }
    }

    fn resolver(&self) -> Result<Arc<dyn PartitionResolver>> {
        self.partition_resolver().ok_or_else(|| {
            Error::invalid_input(format!(
                "the database {:?} has no partition resolver: give it one with register_partition_resolver(…), or address a container",
                self.id()
            ))
        })
    }

    fn place_of<T: Serialize + ?Sized>(&self, item: &T) -> Result<Container> {
        let item = serde_json::to_value(item).map_err(unwritable)?;
        self.named(&self.resolver()?.resolve_for_create(&item)?)
    }

    /// The container of a name that a resolver gave.
    fn named(&self, name: &str) -> Result<Container> {
        let (database, container) = parse_name(name)?;
        Ok(match database {
            Some(_) => self.client.container_at(name),
            None => self.container(container),
        })
    }
}

/// The names, if there are any and each can be a container's.
fn named(containers: Vec<String>) -> Result<Vec<String>> {
    if containers.is_empty() {
        return Err(Error::invalid_input("a partition resolver needs at least one container"));
    }
    containers.iter().try_for_each(|it| parse_name(it).map(drop))?;
    Ok(containers)
}

/// The ids in an id or in a link `dbs/…/colls/…`.
fn parse_name(name: &str) -> Result<(Option<&str>, &str)> {
    let segments: Vec<&str> = name.trim_matches('/').split('/').collect();
    let (database, container) = match segments[..] {
        ["dbs", database, "colls", container] => (Some(database), container),
        _ => (None, name),
    };
    check_id(IdOf::Container, container)?;
    database.map_or(Ok(()), |it| check_id(IdOf::Database, it))?;
    Ok((database, container))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_named_by_id_or_by_link() {
        for (name, expected) in [
            ("orders", (None, "orders")),
            ("my orders", (None, "my orders")),
            ("dbs/shop/colls/orders", (Some("shop"), "orders")),
            ("/dbs/shop/colls/orders/", (Some("shop"), "orders")),
        ] {
            assert_eq!(parse_name(name).unwrap(), expected);
        }
        for name in ["", "/", "a/b", "dbs/shop", "dbs//colls/x", "dbs/shop/colls/", "orders ", "a?"]
        {
            assert!(parse_name(name).is_err(), "{name:?}");
        }
    }
}
