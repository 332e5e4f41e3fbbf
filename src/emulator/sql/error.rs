//! What can be wrong with a query.

use super::ast::Span;

/// A query that cannot be compiled or run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SqlError {
    /// The text is wrong: the service answers `{"errors":[{"severity","location","code","message"}]}`.
    Compile(Vec<Problem>),
    /// The query is refused as a whole: the service answers `{"Errors":["text"]}`.
    Refused(String),
    /// A result is not a JSON number (division by zero and the like): code and sub-status 4001.
    NotRepresentable,
}

/// One mistake in the text of a query.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    /// The service's code: `SC1001`, `SC2005`, or a number such as `2206`.
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// Where, in UTF-16 offsets; the end is exclusive.
    pub(crate) span: Option<Span>,
}

impl SqlError {
    /// An error with one mistake.
    pub(crate) fn at(span: Span, code: &'static str, message: impl Into<String>) -> Self {
        Self::Compile(vec![Problem { code, message: message.into(), span: Some(span) }])
    }
}
