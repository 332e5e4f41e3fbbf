//! Versions of resources.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The version of a resource, for conditions on reads and writes.
///
/// It is opaque; the quotation marks that the service puts around it belong to it.
///
/// ```
/// use cosmosdb::models::Etag;
///
/// let etag = Etag::from("\"0000d826-0000-0700-0000-5f9a\"");
/// assert_ne!(etag, Etag::ANY);
/// assert_eq!(Etag::ANY.to_string(), "*");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Etag(Cow<'static, str>);

impl Etag {
    /// Any version, as long as the resource exists.
    pub const ANY: Self = Self(Cow::Borrowed("*"));

    /// The version as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Etag {
    fn from(text: &str) -> Self {
        Self(Cow::Owned(text.to_owned()))
    }
}

impl From<String> for Etag {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl From<&Self> for Etag {
    fn from(etag: &Self) -> Self {
        etag.clone()
    }
}

impl AsRef<str> for Etag {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
