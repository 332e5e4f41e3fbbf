//! Items spread over containers by the hash of their key.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::hash_ring::{Hash, HashRing};
use super::item_key::{Extract, ItemKey};
use super::{Keys, PartitionResolver, named};
use crate::error::{Error, Result};
use crate::partition_key::PartitionKeyValue;
use crate::routing::murmur3;

/// Spreads items evenly over containers, by the hash of their key on a consistent-hash ring.
///
/// Keys are text or numbers. A container that is added to the list takes its share of keys from all others; the items
/// that are there stay where they are, so add one only together with a move of the data.
///
/// Where a key falls depends on the text that names each container. To find what a program wrote by another SDK, name
/// the containers as that program did: by id, or by a link such as `dbs/shop/colls/orders-0`.
///
/// ```
/// use cosmosdb::resolver::{HashPartitionResolver, PartitionResolver};
/// use serde_json::json;
///
/// let resolver = HashPartitionResolver::new("/user", ["orders-0", "orders-1"])?;
/// let container = resolver.resolve_for_create(&json!({ "id": "1", "user": "ana" }))?;
/// assert_eq!(resolver.resolve_for_read(&"ana".into())?, [container]);
/// # Ok::<(), cosmosdb::Error>(())
/// ```
pub struct HashPartitionResolver {
    key: Extract,
    containers: Vec<String>,
    ring: HashRing,
}

impl HashPartitionResolver {
    /// A resolver with 128 virtual nodes a container and MurmurHash3 (x86, 32 bits, seed 0).
    ///
    /// # Errors
    /// There is no container, one has no valid name or is named twice, or the path of the key is malformed.
    pub fn new<C: Into<String>>(
        key: impl Into<ItemKey>,
        containers: impl IntoIterator<Item = C>,
    ) -> Result<Self> {
        Self::builder(key, containers).build()
    }

    /// Starts a resolver with settings of its own.
    pub fn builder<C: Into<String>>(
        key: impl Into<ItemKey>,
        containers: impl IntoIterator<Item = C>,
    ) -> HashPartitionResolverBuilder {
        HashPartitionResolverBuilder {
            key: key.into(),
            containers: containers.into_iter().map(Into::into).collect(),
            virtual_nodes: 128,
            hash: Arc::new(|bytes| murmur3::x86_32(bytes, 0)),
        }
    }

    fn container_of(&self, key: &PartitionKeyValue) -> Result<String> {
        let found = self.ring.find(&bytes(key)?).and_then(|it| self.containers.get(it));
        found.cloned().ok_or_else(|| Error::invalid_input("the resolver has no containers"))
    }
}

impl PartitionResolver for HashPartitionResolver {
    fn resolve_for_create(&self, item: &Value) -> Result<String> {
        self.container_of(&(self.key)(item))
    }

    fn resolve_for_read(&self, keys: &Keys) -> Result<Vec<String>> {
        let Some(ranges) = keys.ranges() else { return Ok(self.containers.clone()) };
        let mut found = Vec::new();
        for range in ranges {
            // Hashing scatters neighbours: a range of keys may have some in every container.
            let Some(key) = range.value() else { return Ok(self.containers.clone()) };
            let container = self.container_of(key)?;
            if !found.contains(&container) {
                found.push(container);
            }
        }
        Ok(found)
    }
}

/// What is hashed of a key: the UTF-8 of text, the eight bytes of a number.
fn bytes(key: &PartitionKeyValue) -> Result<Vec<u8>> {
    match key {
        PartitionKeyValue::String(text) => Ok(text.as_bytes().to_vec()),
        PartitionKeyValue::Number(number) => Ok(number.to_le_bytes().to_vec()),
        other => Err(Error::invalid_input(format!(
            "the key {other:?} is neither text nor a number: a hash partition resolver cannot place it"
        ))),
    }
}

impl fmt::Debug for HashPartitionResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashPartitionResolver")
            .field("containers", &self.containers)
            .field("ring", &self.ring)
            .finish_non_exhaustive()
    }
}

/// Settings of a [`HashPartitionResolver`] to be; [`build`](Self::build) makes it.
///
/// ```
/// use cosmosdb::resolver::HashPartitionResolver;
///
/// let resolver =
///     HashPartitionResolver::builder("/user", ["orders-0", "orders-1"]).virtual_nodes(16).build()?;
/// # Ok::<(), cosmosdb::Error>(())
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct HashPartitionResolverBuilder {
    key: ItemKey,
    containers: Vec<String>,
    virtual_nodes: usize,
    hash: Hash,
}

impl HashPartitionResolverBuilder {
    /// Points that each container has on the ring, 1 to 65,536: more make the shares more even. Default: 128.
    pub fn virtual_nodes(mut self, nodes: usize) -> Self {
        self.virtual_nodes = nodes;
        self
    }

    /// Hashes by this function. Default: MurmurHash3 for x86 with 32 bits and the seed 0.
    pub fn hash(mut self, hash: impl Fn(&[u8]) -> u32 + Send + Sync + 'static) -> Self {
        self.hash = Arc::new(hash);
        self
    }

    /// Makes the resolver.
    ///
    /// # Errors
    /// As of [`HashPartitionResolver::new`]; or the number of virtual nodes is out of bounds.
    pub fn build(self) -> Result<HashPartitionResolver> {
        if !(1..=65_536).contains(&self.virtual_nodes) {
            return Err(Error::invalid_input(format!(
                "{} virtual nodes are not between 1 and 65,536",
                self.virtual_nodes
            )));
        }
        let containers = named(self.containers)?;
        for (index, name) in containers.iter().enumerate() {
            if containers.iter().take(index).any(|it| it == name) {
                return Err(Error::invalid_input(format!("the container {name:?} is named twice")));
            }
        }
        let ring = HashRing::new(&containers, self.virtual_nodes, self.hash);
        Ok(HashPartitionResolver { key: self.key.into_extract()?, containers, ring })
    }
}

impl fmt::Debug for HashPartitionResolverBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashPartitionResolverBuilder")
            .field("containers", &self.containers)
            .field("virtual_nodes", &self.virtual_nodes)
            .finish_non_exhaustive()
    }
}
