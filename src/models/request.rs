//! Values of request options.

/// Whether an item is indexed, against what the container's policy says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IndexingDirective {
    /// As the container's policy says.
    #[default]
    Default,
    /// The item is indexed.
    Include,
    /// The item is not indexed: queries do not find it, reads by id do.
    Exclude,
}

impl IndexingDirective {
    /// The word of the header.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Default => "Default",
            Self::Include => "Include",
            Self::Exclude => "Exclude",
        }
    }
}

/// Which requests are throttled first when request units run short.
///
/// It has an effect on accounts for which priority-based execution is enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PriorityLevel {
    /// Throttled last. What the service assumes where nothing is said.
    High,
    /// Throttled first.
    Low,
}

impl PriorityLevel {
    /// The word of the header.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::High => "High",
            Self::Low => "Low",
        }
    }
}
