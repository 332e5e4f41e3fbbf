//! The words and signs that a query's text is made of.

use std::ops::Range;
use std::sync::Arc;

use super::ast::Span;
use super::value::Number;

/// One word, sign or literal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    /// Where it stands, in UTF-16 units, as messages give it.
    pub(crate) span: Span,
    /// Where it stands, in bytes.
    pub(crate) bytes: Range<usize>,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TokenKind {
    /// A reserved word, in upper case.
    Keyword(&'static str),
    /// An identifier.
    Name(Arc<str>),
    /// `@name`, without the `@`.
    Parameter(Arc<str>),
    Number(Number),
    String(Arc<str>),
    /// A sign, or an operator of several.
    Sign(&'static str),
    /// The place of the resume filter in a rewritten query, where a client left it in.
    Placeholder,
    /// What no token may look like.
    Invalid(Fault),
    /// The end of the text.
    End,
}

/// Why a token is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Sign,
    Number,
    String,
}

/// The reserved words. None of them may stand after a dot or serve as an alias, but for [`is_soft`] ones.
const KEYWORDS: &[&str] = &[
    "ALL",
    "AND",
    "ARRAY",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "CROSS",
    "DESC",
    "DISTINCT",
    "ESCAPE",
    "EXISTS",
    "FALSE",
    "FIRST",
    "FOR",
    "FROM",
    "GROUP",
    "HAVING",
    "IN",
    "INNER",
    "JOIN",
    "LAST",
    "LEFT",
    "LET",
    "LIKE",
    "LIMIT",
    "NOT",
    "NULL",
    "OFFSET",
    "OR",
    "ORDER",
    "OVER",
    "RANK",
    "RIGHT",
    "SELECT",
    "SET",
    "TOP",
    "TRUE",
    "UDF",
    "UNDEFINED",
    "VALUE",
    "WHERE",
];

/// The longest reserved word.
const LONGEST_KEYWORD: usize = 9;

/// The reserved word that `word` is, in any case.
pub(crate) fn keyword(word: &str) -> Option<&'static str> {
    if word.len() > LONGEST_KEYWORD {
        return None;
    }
    let upper = word.to_ascii_uppercase();
    KEYWORDS.binary_search(&upper.as_str()).ok().and_then(|index| KEYWORDS.get(index)).copied()
}

/// Whether a reserved word may also serve as an identifier.
pub(crate) fn is_soft(keyword: &str) -> bool {
    matches!(keyword, "ALL" | "FIRST" | "LAST" | "RANK")
}

/// Whether a word can start with this character.
pub(crate) fn starts_word(character: char) -> bool {
    character == '_' || character.is_alphabetic()
}

/// Whether a word can go on with this character.
pub(crate) fn continues_word(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserved_words_are_sorted_and_found_in_any_case() {
        assert!(KEYWORDS.is_sorted());
        assert_eq!(KEYWORDS.iter().map(|word| word.len()).max(), Some(LONGEST_KEYWORD));
        assert_eq!(keyword("sElEcT"), Some("SELECT"));
        assert_eq!(keyword("undefined"), Some("UNDEFINED"));
        assert_eq!(keyword("count"), None);
        assert_eq!(keyword("selectselect"), None);
    }
}
