//! How a resolver finds the key of an item.

use std::fmt;

use serde_json::Value;

use crate::error::Result;
use crate::partition_key::{PartitionKeyValue, parse_path};

/// How a resolver finds the key of an item: at a path such as `/user` or `/address/city`, or by a function.
///
/// ```
/// use cosmosdb::resolver::{HashPartitionResolver, ItemKey};
///
/// let by_path = HashPartitionResolver::new("/user", ["users-0", "users-1"])?;
///
/// let lower_case = ItemKey::by(|item| item["user"].as_str().unwrap_or_default().to_lowercase());
/// let by_function = HashPartitionResolver::new(lower_case, ["users-0", "users-1"])?;
/// # Ok::<(), cosmosdb::Error>(())
/// ```
pub struct ItemKey(Result<Extract>);

/// Takes the key out of an item.
pub(super) type Extract = Box<dyn Fn(&Value) -> PartitionKeyValue + Send + Sync>;

impl ItemKey {
    /// The key that the function makes of an item.
    pub fn by<V: Into<PartitionKeyValue>>(
        key: impl Fn(&Value) -> V + Send + Sync + 'static,
    ) -> Self {
        Self(Ok(Box::new(move |item| key(item).into())))
    }

    /// The function, or the error of a path that is none.
    pub(super) fn into_extract(self) -> Result<Extract> {
        self.0
    }
}

impl From<&str> for ItemKey {
    /// The value at the path; undefined where the item has none, or an array or an object.
    fn from(path: &str) -> Self {
        let names = parse_path(path);
        Self(names.map(|names| -> Extract { Box::new(move |item| value_at(item, &names)) }))
    }
}

impl From<String> for ItemKey {
    fn from(path: String) -> Self {
        Self::from(path.as_str())
    }
}

fn value_at(item: &Value, names: &[String]) -> PartitionKeyValue {
    let found = names.iter().try_fold(item, |value, name| value.as_object()?.get(name));
    found.map_or(PartitionKeyValue::Undefined, PartitionKeyValue::from_json)
}

impl fmt::Debug for ItemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ItemKey").field("valid", &self.0.is_ok()).finish_non_exhaustive()
    }
}
