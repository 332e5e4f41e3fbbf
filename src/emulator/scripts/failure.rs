//! How scripts fail.

/// Why a script did not come to its end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Failure {
    /// The body is no function.
    Compile(String),
    /// It threw something.
    Exception {
        /// What was thrown, in words.
        text: String,
        /// Where, a line for each call; empty where what was thrown does not say.
        stack: String,
        /// The number of the error, which scripts choose.
        number: Option<u32>,
    },
    /// Its time was over.
    Timeout,
    /// It wanted more memory than it may have.
    Memory,
}

impl Failure {
    /// An exception of which only the words are known.
    pub(super) fn exception(text: impl Into<String>) -> Self {
        Self::Exception { text: text.into(), stack: String::new(), number: None }
    }

    /// It in words.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Compile(text) | Self::Exception { text, .. } => text,
            Self::Timeout => "InternalError: interrupted".to_owned(),
            Self::Memory => "InternalError: out of memory".to_owned(),
        }
    }
}
