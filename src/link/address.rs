//! How a handle names its resource.

use super::Link;
use crate::error::Result;

/// The name of a resource in its parent, or a link that leads to it all the way.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    Id(String),
    /// As it was given; it is read when it is used, since making a handle cannot fail.
    Link(String),
}

impl Address {
    /// The id, or the last part of the link.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Id(id) => id,
            Self::Link(link) => link.trim_matches('/').rsplit('/').next().unwrap_or_default(),
        }
    }

    /// The link of a resource of these kinds, which has its id in `parent`.
    pub(crate) fn resolve(
        &self,
        kinds: &[&str],
        parent: impl FnOnce() -> Result<Link>,
    ) -> Result<Link> {
        match self {
            Self::Link(text) => Link::parse(text, kinds),
            Self::Id(id) => {
                let segment = kinds.last().copied().unwrap_or_default();
                parent()?.child_by_id(segment, id)
            }
        }
    }
}
