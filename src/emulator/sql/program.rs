//! A compiled query: names are slots, functions are looked up, constants are computed.

use std::collections::HashSet;
use std::sync::Arc;

use super::ast::{BinaryOp, Direction, Quantifier, UnaryOp};
use super::bind::Aggregate;
use super::functions::Function;
use super::like::LikePattern;
use super::sequence::Sequence;
use super::value::Value;

/// A query or subquery, ready to run.
pub(super) struct Program {
    /// Each adds one slot to a row. None at all: one row without slots.
    pub(super) sources: Vec<RowSource>,
    pub(super) filter: Option<Node>,
    pub(super) group_by: Vec<Node>,
    pub(super) aggregates: Vec<AggregateCall>,
    pub(super) order_by: Vec<SortColumn>,
    pub(super) rank: Option<Rank>,
    pub(super) shape: Shape,
    pub(super) distinct: bool,
    /// How many rows to leave out at the start.
    pub(super) skip: u64,
    /// How many rows to give at most.
    pub(super) take: Option<u64>,
}

/// Where the values of a slot come from.
pub(super) enum RowSource {
    /// The value itself, if it is defined.
    One(Node),
    /// The elements of the array.
    Each(Node),
    /// The rows of the subquery.
    Rows(Box<Program>),
    /// The rows of the subquery, and in place of an array its elements.
    EachOfRows(Box<Program>),
    /// The elements of the array; any other value itself. So are the rows of a subquery that stands for the container.
    EachOrOne(Node),
}

/// An aggregate function over the rows of a group.
pub(super) struct AggregateCall {
    pub(super) kind: Aggregate,
    pub(super) operand: Node,
}

/// One sort key.
pub(super) struct SortColumn {
    pub(super) node: Node,
    pub(super) direction: Direction,
    /// A vector index does not know items without a vector, so that they are not among the results.
    pub(super) is_vector: bool,
}

/// `ORDER BY RANK`: the scores, each with its weight.
pub(super) struct Rank {
    pub(super) scores: Vec<Score>,
}

/// One component of a rank.
pub(super) struct Score {
    pub(super) node: ScoreNode,
    pub(super) weight: f64,
}

/// How a score is computed.
pub(super) enum ScoreNode {
    /// From the text at a path and search terms, with statistics over all items.
    FullText { path: Node, terms: Vec<Node> },
    /// From the item alone; `descending` where a higher value is better.
    Vector { distance: Node, descending: bool },
}

/// What becomes of a row.
pub(super) enum Shape {
    /// The only source.
    Star,
    Value(Node),
    Columns(Vec<(Arc<str>, Node)>),
}

/// An expression.
pub(super) enum Node {
    Constant(Value),
    /// A slot of the row, or of the row of the query `up` levels further out.
    Slot {
        up: usize,
        index: usize,
    },
    /// An aggregate of the group.
    Aggregate(usize),
    Property(Box<Self>, Arc<str>),
    Index(Box<Self>, Box<Self>),
    /// A computed property of an item.
    Computed(Box<Program>, Box<Self>),
    Unary(UnaryOp, Box<Self>),
    Binary(BinaryOp, Box<Self>, Box<Self>),
    Conditional(Box<Self>, Box<Self>, Box<Self>),
    In {
        needle: Box<Self>,
        list: Vec<Self>,
        negated: bool,
    },
    /// `IN` a long list of strings.
    InStrings {
        needle: Box<Self>,
        set: HashSet<Arc<str>>,
        negated: bool,
    },
    Between {
        value: Box<Self>,
        low: Box<Self>,
        high: Box<Self>,
        negated: bool,
    },
    Like {
        value: Box<Self>,
        pattern: Pattern,
        negated: bool,
    },
    Array(Vec<Self>),
    Object(Vec<(Arc<str>, Self)>),
    Function(&'static Function, Vec<Self>),
    UserFunction(Arc<str>, Vec<Self>),
    Subquery(Box<Program>),
    Exists(Box<Program>),
    ArrayOf(Box<Program>),
    Quantified(Quantifier, Box<Program>),
}

/// The pattern of a `LIKE`: known beforehand, or different from row to row.
pub(super) enum Pattern {
    Fixed(LikePattern),
    Dynamic(Box<Node>, Option<char>),
}

impl Program {
    /// Whether the rows come one for one from the sources, in their order.
    pub(super) fn is_plain(&self) -> bool {
        !self.is_grouped() && self.order_by.is_empty() && self.rank.is_none()
    }

    pub(super) fn is_grouped(&self) -> bool {
        !self.group_by.is_empty() || !self.aggregates.is_empty()
    }

    /// Whether a document can make more than one row.
    pub(super) fn fans_out(&self) -> bool {
        !matches!(self.sources.as_slice(), [] | [RowSource::One(_)])
    }

    /// How candidates follow each other: by the keys of the query, then ascending by the group's own.
    pub(super) fn sequence(&self) -> Sequence {
        if self.rank.is_some() {
            return Sequence::of_scores(vec![Direction::Descending]);
        }
        let own = self.order_by.iter().map(|column| column.direction);
        let directions = own.chain(self.group_by.iter().map(|_| Direction::Ascending)).collect();
        if self.order_by.iter().any(|column| column.is_vector) {
            return Sequence::of_scores(directions);
        }
        Sequence::of_index(directions)
    }
}
