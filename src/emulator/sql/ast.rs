//! The syntax tree of a query, as the parser makes it.
//!
//! It keeps what the printer needs to give back a query as the service's gateway writes it (whether `ASC` was
//! spelled out, `r.a` against `r["a"]`), and nothing about white space or parentheses.

use std::ops::Range;
use std::sync::Arc;

use super::value::{Number, Value};

/// A whole query, or a subquery.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Query {
    pub(crate) select: Select,
    pub(crate) from: Option<From>,
    pub(crate) filter: Option<Expr>,
    pub(crate) group_by: Vec<Expr>,
    pub(crate) order_by: Option<OrderBy>,
    pub(crate) window: Option<Window>,
}

/// `SELECT [DISTINCT] [TOP n] …`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Select {
    pub(crate) distinct: bool,
    pub(crate) top: Option<Count>,
    pub(crate) projection: Projection,
}

/// What is selected.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Projection {
    /// `*`
    Star,
    /// `VALUE expr`
    Value(Expr),
    /// `expr [AS alias], …`
    List(Vec<SelectItem>),
}

/// One column of a select list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SelectItem {
    pub(crate) expr: Expr,
    pub(crate) alias: Option<Arc<str>>,
    /// Where it stands in the text, for messages.
    pub(crate) span: Span,
}

/// `FROM source JOIN source …`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct From {
    pub(crate) source: Source,
    pub(crate) joins: Vec<Source>,
}

/// One source of rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    /// `collection [AS alias]`
    Alias { collection: Collection, alias: Option<Arc<str>> },
    /// `alias IN collection`
    Iterate { alias: Arc<str>, collection: Collection },
}

/// What a source takes its rows from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Collection {
    /// `root.a["b"][0]`: the container (at the outermost level) or an alias, and a path below it.
    Path { root: Arc<str>, steps: Vec<Step>, span: Span },
    /// `(SELECT …)`
    Subquery(Box<Query>),
}

/// One step of a collection path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// `.name`
    Property(Arc<str>),
    /// `["name"]`
    Quoted(Arc<str>),
    /// `[0]`
    Index(u64),
}

/// `ORDER BY …`
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum OrderBy {
    /// `ORDER BY expr [ASC|DESC], …`
    Items(Vec<OrderItem>),
    /// `ORDER BY RANK expr`
    Rank(Expr),
}

/// One sort key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OrderItem {
    pub(crate) expr: Expr,
    /// `None` where the query names no direction, which sorts ascending.
    pub(crate) direction: Option<Direction>,
    pub(crate) span: Span,
}

/// A sort direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Ascending,
    Descending,
}

/// `OFFSET n LIMIT m`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Window {
    pub(crate) offset: Count,
    pub(crate) limit: Count,
}

/// The number of `TOP`, `OFFSET` or `LIMIT`: a literal, or a parameter until it is bound.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Count {
    /// A literal as it was written; the range is checked when the query is bound.
    Number(Number, Span),
    /// `@name`, without the `@`.
    Parameter(Arc<str>, Span),
}

/// A half-open range of UTF-16 offsets in the query text.
pub(crate) type Span = Range<usize>;

/// A scalar expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    /// A literal: `undefined`, `null`, `true`, a number, a string.
    Literal(Value),
    /// `@name`, without the `@`.
    Parameter(Arc<str>),
    /// An alias, or at the outermost level the container.
    Name(Arc<str>, Span),
    /// `expr.name`
    Property(Box<Self>, Arc<str>),
    /// `expr[index]`; the index is a literal string where the query says `expr["name"]`.
    Index(Box<Self>, Box<Self>),
    /// `-x`, `+x`, `~x`, `NOT x`
    Unary(UnaryOp, Box<Self>),
    /// `a op b`
    Binary(BinaryOp, Box<Self>, Box<Self>),
    /// `c ? a : b`
    Conditional(Box<Self>, Box<Self>, Box<Self>),
    /// `x [NOT] IN (a, b, …)`
    In { needle: Box<Self>, list: Vec<Self>, negated: bool },
    /// `x [NOT] BETWEEN low AND high`
    Between { value: Box<Self>, low: Box<Self>, high: Box<Self>, negated: bool },
    /// `x [NOT] LIKE pattern [ESCAPE 'c']`
    Like { value: Box<Self>, pattern: Box<Self>, escape: Option<Arc<str>>, negated: bool },
    /// `[a, b]`
    Array(Vec<Self>),
    /// `{"k": v}`
    Object(Vec<(Arc<str>, Self)>),
    /// `name(args)` or `udf.name(args)`
    Call { name: Arc<str>, udf: bool, args: Vec<Self>, span: Span },
    /// `(SELECT …)` as a value.
    Subquery(Box<Query>),
    /// `EXISTS(SELECT …)`
    Exists(Box<Query>),
    /// `ARRAY(SELECT …)`
    ArrayOf(Box<Query>),
    /// `ALL(SELECT …)`, `FIRST(SELECT …)`, `LAST(SELECT …)`
    Quantified(Quantifier, Box<Query>),
}

/// How a subquery's rows become one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quantifier {
    All,
    First,
    Last,
}

/// Operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnaryOp {
    Not,
    Negate,
    Plus,
    BitNot,
}

/// Operators with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BinaryOp {
    Or,
    And,
    Coalesce,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    BitOr,
    BitXor,
    BitAnd,
    ShiftLeft,
    ShiftRight,
    ShiftRightUnsigned,
    Concat,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}
