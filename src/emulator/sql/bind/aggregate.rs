//! The aggregate functions by name.

use crate::emulator::sql::ast::Expr;
use crate::emulator::sql::walk;

/// An aggregate function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aggregate {
    Average,
    Count,
    CountIf,
    MakeList,
    MakeSet,
    Max,
    Min,
    Sum,
}

impl Aggregate {
    /// The aggregate that a query calls by this name, in any case.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        const NAMES: [(&str, Aggregate); 8] = [
            ("AVG", Aggregate::Average),
            ("COUNT", Aggregate::Count),
            ("COUNTIF", Aggregate::CountIf),
            ("MAKELIST", Aggregate::MakeList),
            ("MAKESET", Aggregate::MakeSet),
            ("MAX", Aggregate::Max),
            ("MIN", Aggregate::Min),
            ("SUM", Aggregate::Sum),
        ];
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, found)| *found)
    }

    /// The aggregate that an expression calls, and its arguments.
    pub(crate) fn of(expr: &Expr) -> Option<(Self, &[Expr])> {
        match expr {
            Expr::Call { name, udf: false, args, .. } => Some((Self::from_name(name)?, args)),
            _ => None,
        }
    }

    /// Whether there is an aggregate in an expression, not counting its subqueries.
    pub(crate) fn is_within(expr: &Expr) -> bool {
        Self::of(expr).is_some() || walk::children(expr).into_iter().any(Self::is_within)
    }

    /// Its name in query plans.
    pub(crate) fn plan_name(self) -> &'static str {
        match self {
            Self::Average => "Average",
            Self::Count => "Count",
            Self::CountIf => "CountIf",
            Self::MakeList => "MakeList",
            Self::MakeSet => "MakeSet",
            Self::Max => "Max",
            Self::Min => "Min",
            Self::Sum => "Sum",
        }
    }
}
