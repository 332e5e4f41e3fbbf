//! Which database has which resolver.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::PartitionResolver;

/// The resolvers of a client's databases, by the ids of these.
#[derive(Default)]
pub(crate) struct Registry(RwLock<HashMap<String, Arc<dyn PartitionResolver>>>);

impl Registry {
    pub(super) fn insert(&self, database: &str, resolver: Arc<dyn PartitionResolver>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(database.to_owned(), resolver);
    }

    pub(super) fn get(&self, database: &str) -> Option<Arc<dyn PartitionResolver>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(database).cloned()
    }
}
