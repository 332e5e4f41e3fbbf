//! Resource tokens: what a permission of a user gives to do one thing for a while.

use std::fmt;
use std::time::Duration;

use http::HeaderValue;

use crate::error::{Error, Result};
use crate::models::PermissionProperties;
use crate::partition_key::PartitionKey;

/// A token of a permission, and what it is for.
///
/// It is made of a pair of the resource's link and the token; where the permission has a `resourcePartitionKey`, say so
/// by [`partition_key`](Self::partition_key). A client takes one or several of them by
/// [`ClientBuilder::resource_tokens`](crate::ClientBuilder::resource_tokens). `Debug` does not show the token.
///
/// ```
/// use cosmosdb::PermissionToken;
///
/// let token = PermissionToken::new("dbs/shop/colls/orders", "type=resource&ver=1&sig=…;…;").partition_key("Lyon");
/// let same = PermissionToken::from(("dbs/shop/colls/orders", "type=resource&ver=1&sig=…;…;")).partition_key("Lyon");
/// assert!(!format!("{token:?}{same:?}").contains("sig"));
/// ```
#[derive(Clone)]
pub struct PermissionToken {
    pub(super) resource: String,
    pub(super) partition_key: Option<PartitionKey>,
    pub(super) valid_for: Option<Duration>,
    token: String,
}

impl PermissionToken {
    /// The token for the resource at `link`: the `resource` and the `_token` of a permission.
    ///
    /// The link is one of names, `dbs/shop/colls/orders`, or a `_self`; slashes at its ends do not matter. The last part
    /// of a link alone, such as a resource id, is taken too. An empty link stands for everything.
    pub fn new(link: impl Into<String>, token: impl Into<String>) -> Self {
        let resource = link.into().trim_matches('/').to_owned();
        Self { resource, partition_key: None, valid_for: None, token: token.into() }
    }

    /// The token is for the items of this partition key, or of the prefix of a hierarchical one, and no others.
    /// Default: for all.
    pub fn partition_key(mut self, key: impl Into<PartitionKey>) -> Self {
        self.partition_key = Some(key.into());
        self
    }

    /// How long the token is valid from now on. A client with a
    /// [provider](crate::ClientBuilder::resource_token_provider) asks for new ones when a tenth of the time is left.
    /// Default: not known; new ones are asked for when the service refuses a token.
    pub fn valid_for(mut self, duration: Duration) -> Self {
        self.valid_for = Some(duration);
        self
    }

    /// The value of the `authorization` header.
    pub(super) fn header(&self) -> Result<HeaderValue> {
        let token = self.token.trim();
        // Neither text nor cause goes into the error: both would show the token.
        let is_encoded = token.starts_with("type%3D") || token.starts_with("type%3d");
        if !is_encoded && !token.starts_with("type=") {
            return Err(Error::credential(format!(
                "the resource token for {:?} does not begin with type=resource: take the _token of a permission",
                self.resource
            )));
        }
        let mut text = String::with_capacity(token.len() + 32);
        if is_encoded {
            text.push_str(token);
        } else {
            encode(token, &mut text);
        }
        let mut value = HeaderValue::try_from(text).map_err(|_| {
            Error::credential(format!(
                "the resource token for {:?} makes no valid header",
                self.resource
            ))
        })?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// Percent-encodes all but the characters that every SDK leaves as they are.
fn encode(token: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in token.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            _ => {
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
}

impl<L: Into<String>, T: Into<String>> From<(L, T)> for PermissionToken {
    fn from((link, token): (L, T)) -> Self {
        Self::new(link, token)
    }
}

/// The token that came with a permission, for the resource and the partition key of the permission.
///
/// Without a token, as in a permission that was made by hand, building the client fails.
impl From<&PermissionProperties> for PermissionToken {
    fn from(permission: &PermissionProperties) -> Self {
        let token = permission.token.as_ref().map_or("", |it| it.as_str());
        let key = permission.resource_partition_key.as_ref();
        let key = key.map(|it| serde_json::Value::from(it.clone()).to_string());
        let key = key.and_then(|it| PartitionKey::from_header_value(&it).ok());
        Self { partition_key: key, ..Self::new(permission.resource.as_str(), token) }
    }
}

impl From<PermissionProperties> for PermissionToken {
    fn from(permission: PermissionProperties) -> Self {
        Self::from(&permission)
    }
}

impl fmt::Debug for PermissionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermissionToken")
            .field("resource", &self.resource)
            .field("partition_key", &self.partition_key)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_encoded_as_other_sdks_do() {
        for (token, expected) in [
            (
                "type=resource&ver=1&sig=a+/=;b;",
                "type%3Dresource%26ver%3D1%26sig%3Da%2B%2F%3D%3Bb%3B",
            ),
            ("type%3Dresource%26sig%3Da", "type%3Dresource%26sig%3Da"),
            (" type=resource&sig=a\n", "type%3Dresource%26sig%3Da"),
        ] {
            let header = PermissionToken::new("", token).header().unwrap();
            assert_eq!(header.to_str().unwrap(), expected);
            assert!(header.is_sensitive());
        }
    }

    #[test]
    fn what_is_no_token_is_refused_and_not_shown() {
        for token in ["", "c2VjcmV0", "type%3Dsecret\u{1}"] {
            let error = PermissionToken::new("dbs/a", token).header().unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains("dbs/a"), "{shown}");
            assert!(!shown.contains("c2Vj") && !shown.contains("secret"), "{shown}");
        }
    }
}
