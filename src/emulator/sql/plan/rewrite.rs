//! The texts that go to the partitions in place of the user's query.

use std::sync::Arc;

use crate::emulator::sql::ast::{
    BinaryOp, Count, Expr, OrderBy, OrderItem, Projection, Query, Select, SelectItem, Window,
};
use crate::emulator::sql::bind::Aggregate;
use crate::emulator::sql::lexer::FILTER_PLACEHOLDER;
use crate::emulator::sql::naming::{column_names, source_alias};
use crate::emulator::sql::print;
use crate::emulator::sql::value::{Number, Value};

/// A query that is changed step by step.
pub(super) struct Rewriter {
    query: Query,
    /// Whether it is still the user's query.
    pub(super) changed: bool,
}

impl Rewriter {
    pub(super) fn new(query: &Query) -> Self {
        Self { query: query.clone(), changed: false }
    }

    pub(super) fn text(&self) -> String {
        print::query(&self.query)
    }

    /// Takes `TOP` and `OFFSET LIMIT` out: they count rows that only the client has.
    pub(super) fn drop_window(&mut self) {
        self.changed |= self.query.select.top.is_some() || self.query.window.is_some();
        self.query.select.top = None;
        self.query.window = None;
    }

    /// Asks each partition for as many rows as the client might need of it.
    pub(super) fn widen_window(&mut self, rows: u64) {
        self.query.window = Some(Window { offset: count(0), limit: count(rows) });
        self.changed = true;
    }

    pub(super) fn set_top(&mut self, top: Option<u64>) {
        self.query.select.top = top.map(count);
    }

    /// The rows with their sort keys, and a place for the client's resume filter.
    pub(super) fn order_by(self, items: &[OrderItem]) -> String {
        let keys: Vec<&Expr> = items.iter().map(|item| &item.expr).collect();
        let payload = self.payload(Clone::clone);
        self.ordered(&keys, payload)
    }

    /// Like [`Self::order_by`] with a payload of one's own.
    pub(super) fn ordered(mut self, keys: &[&Expr], payload: Expr) -> String {
        let mut filter = name(&format!("({FILTER_PLACEHOLDER})"));
        if let Some(user) = self.query.filter.take() {
            filter = and(user, filter);
        }
        if let Projection::Value(value) = &self.query.select.projection {
            filter = and(filter, call("IS_DEFINED", vec![value.clone()]));
        }
        // The printer writes the lone placeholder as it is, and that has parentheses already.
        self.query.filter = Some(filter);
        self.select(vec![
            column(self.rid(), None),
            column(items(keys), Some("orderByItems")),
            column(payload, Some("payload")),
        ]);
        self.text()
    }

    /// The groups with their keys; aggregates in the form in which they can be combined.
    pub(super) fn group_by(mut self) -> String {
        self.drop_window();
        let keys: Vec<&Expr> = self.query.group_by.iter().collect();
        let keys = items(&keys);
        let payload = match &self.query.select.projection {
            Projection::Value(expr) if Aggregate::of(expr).is_some() => {
                Expr::Array(vec![partial(expr)])
            }
            _ => self.payload(partial),
        };
        self.select(vec![column(keys, Some("groupByItems")), column(payload, Some("payload"))]);
        self.text()
    }

    /// The aggregates alone, in the form in which they can be combined.
    pub(super) fn aggregate(mut self) -> String {
        self.drop_window();
        if let Projection::Value(expr) = &self.query.select.projection {
            let value = Expr::Array(vec![partial(expr)]);
            self.query.select = select(Projection::Value(value));
        } else {
            let payload = self.payload(partial);
            self.select(vec![column(payload, Some("payload"))]);
        }
        self.text()
    }

    /// What is selected, as one value: the item, the value, or an object of the columns.
    pub(super) fn payload(&self, column: impl Fn(&Expr) -> Expr) -> Expr {
        match &self.query.select.projection {
            Projection::Star => self.root(),
            Projection::Value(expr) => column(expr),
            Projection::List(items) => {
                let columns = items.iter().map(|item| column(&item.expr));
                Expr::Object(column_names(items).into_iter().zip(columns).collect())
            }
        }
    }

    /// The alias of the first source.
    pub(super) fn root(&self) -> Expr {
        let source = self.query.from.as_ref().map(|from| &from.source);
        Expr::Name(source.and_then(source_alias).unwrap_or_else(|| Arc::from("c")), 0..0)
    }

    pub(super) fn rid(&self) -> Expr {
        Expr::Property(Box::new(self.root()), "_rid".into())
    }

    /// Replaces what is selected, keeping `TOP`.
    pub(super) fn select(&mut self, columns: Vec<SelectItem>) {
        let top = self.query.select.top.take();
        self.query.select = Select { top, ..select(Projection::List(columns)) };
    }

    /// Replaces the sort keys.
    pub(super) fn sort_by(&mut self, item: OrderItem) {
        self.query.order_by = Some(OrderBy::Items(vec![item]));
    }
}

/// The number as it stands after `TOP`, `OFFSET` and `LIMIT`.
pub(super) fn count(number: u64) -> Count {
    Count::Number(Number::from(number), 0..0)
}

/// `expr AS alias`
pub(super) fn column(expr: Expr, alias: Option<&str>) -> SelectItem {
    SelectItem { expr, alias: alias.map(Arc::from), span: 0..0 }
}

/// Text that is printed as it is.
pub(super) fn name(text: &str) -> Expr {
    Expr::Name(text.into(), 0..0)
}

pub(super) fn call(name: &str, args: Vec<Expr>) -> Expr {
    Expr::Call { name: name.into(), udf: false, args, span: 0..0 }
}

pub(super) fn object<const N: usize>(members: [(&str, Expr); N]) -> Expr {
    Expr::Object(members.into_iter().map(|(name, member)| (name.into(), member)).collect())
}

/// `number`
pub(super) fn literal(number: f64) -> Expr {
    Expr::Literal(Value::from(number))
}

fn select(projection: Projection) -> Select {
    Select { distinct: false, top: None, projection }
}

fn and(left: Expr, right: Expr) -> Expr {
    Expr::Binary(BinaryOp::And, Box::new(left), Box::new(right))
}

/// `[{"item": a}, {"item": b}]`
fn items(keys: &[&Expr]) -> Expr {
    Expr::Array(keys.iter().map(|key| object([("item", (*key).clone())])).collect())
}

/// An aggregate in the form in which those of several partitions can be combined; anything else as it is.
fn partial(expr: &Expr) -> Expr {
    let Some((aggregate, args)) = Aggregate::of(expr) else { return expr.clone() };
    let over = |name: &str| call(name, args.to_vec());
    match aggregate {
        Aggregate::Average => {
            object([("item", object([("sum", over("SUM")), ("count", over("COUNT"))]))])
        }
        Aggregate::Min => extreme(expr, "min", over("MIN"), over("COUNT")),
        Aggregate::Max => extreme(expr, "max", over("MAX"), over("COUNT")),
        _ => object([("item", expr.clone())]),
    }
}

/// The count tells a client whether there was anything to compare.
fn extreme(expr: &Expr, name: &str, value: Expr, count: Expr) -> Expr {
    object([("item", expr.clone()), ("item2", object([(name, value), ("count", count)]))])
}
