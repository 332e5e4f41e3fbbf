//! The properties that the service gives every resource.

use serde::{Deserialize, Serialize};

use super::Etag;

/// What the service itself writes into a resource. It ignores these when they are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SystemProperties {
    /// The resource id: unlike the name it is never given to another resource.
    #[serde(rename = "_rid", skip_serializing_if = "Option::is_none")]
    pub rid: Option<String>,
    /// The link of the resource, made of resource ids.
    #[serde(rename = "_self", skip_serializing_if = "Option::is_none")]
    pub self_link: Option<String>,
    /// The version of the resource: it changes with every write.
    #[serde(rename = "_etag", skip_serializing_if = "Option::is_none")]
    pub etag: Option<Etag>,
    /// When the resource was last written, in seconds since 1970.
    #[serde(rename = "_ts", skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<i64>,
}
