//! Which properties clients encrypt.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::lenient::null_is_default;

/// Which properties clients encrypt before they send items. Fixed when the container is created.
///
/// This crate does not encrypt; it keeps the policy for clients that do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClientEncryptionPolicy {
    /// The version of the format: 2 also allows the id and the partition key.
    pub policy_format_version: u32,
    /// The properties.
    #[serde(default, deserialize_with = "null_is_default")]
    pub included_paths: Vec<ClientEncryptionPath>,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl ClientEncryptionPolicy {
    /// A policy of these properties in format version 1.
    pub fn new(paths: impl IntoIterator<Item = ClientEncryptionPath>) -> Self {
        Self {
            policy_format_version: 1,
            included_paths: paths.into_iter().collect(),
            other: Map::new(),
        }
    }
}

/// A property that clients encrypt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClientEncryptionPath {
    /// The path of the property, at the top level of items.
    pub path: String,
    /// The id of the client encryption key.
    pub client_encryption_key_id: String,
    /// `Deterministic` or `Randomized`.
    pub encryption_type: String,
    /// The algorithm, such as `AEAD_AES_256_CBC_HMAC_SHA256`.
    pub encryption_algorithm: String,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl ClientEncryptionPath {
    /// A property encrypted by this key, of the type `Deterministic` or `Randomized`.
    pub fn new(
        path: impl Into<String>,
        key_id: impl Into<String>,
        encryption_type: impl Into<String>,
    ) -> Self {
        Self {
            path: path.into(),
            client_encryption_key_id: key_id.into(),
            encryption_type: encryption_type.into(),
            encryption_algorithm: "AEAD_AES_256_CBC_HMAC_SHA256".to_owned(),
            other: Map::new(),
        }
    }
}
