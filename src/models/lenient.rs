//! Reading what servers other than the hosted service leave out or write as `null`.

use serde::{Deserialize, Deserializer};

/// `null` counts as missing.
pub(super) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

pub(super) fn yes() -> bool {
    true
}
