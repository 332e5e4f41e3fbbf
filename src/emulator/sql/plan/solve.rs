//! Which partition keys a filter lets through.

use std::cmp::Ordering;
use std::sync::Arc;

use super::fold::{Space, constant, is_comparison};
use super::ranges::KeyPart;
use crate::emulator::sql::ast::{BinaryOp, Collection, Expr, From, Query, Source, Step, UnaryOp};
use crate::emulator::sql::naming::source_alias;
use crate::emulator::sql::value::{Number, Value};

/// More alternatives than these are not worth looking into.
const MAX_ALTERNATIVES: usize = 10_000;
/// More combinations than these are not worth trying.
const MAX_COMBINATIONS: usize = 1_000_000;

/// One end of an [`Interval`].
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Edge {
    pub(super) part: KeyPart,
    pub(super) inclusive: bool,
}

/// The values that a component of the key may have.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Interval {
    pub(super) low: Edge,
    pub(super) high: Edge,
}

/// What the components of the key may be, each by itself; nothing where it may be anything.
pub(super) type Alternative = Vec<Option<Interval>>;

/// The keys that pass: those of any alternative. No alternative is a contradiction.
#[derive(Clone, Debug)]
pub(super) struct Solution(pub(super) Vec<Alternative>);

impl Interval {
    fn point(value: &Value) -> Self {
        let part = KeyPart::of(value);
        let edge = Edge { part, inclusive: true };
        Self { low: edge.clone(), high: edge }
    }

    /// The values of one kind beside a value, which has to be a number or a string.
    fn beside(op: BinaryOp, value: &Value) -> Option<Self> {
        let (min, max) = match value {
            Value::Number(_) => (KeyPart::MinNumber, KeyPart::MaxNumber),
            Value::String(_) => (KeyPart::MinString, KeyPart::MaxString),
            _ => return None,
        };
        let open = |part| Edge { part, inclusive: false };
        let edge = |inclusive| Edge { part: KeyPart::of(value), inclusive };
        Some(match op {
            BinaryOp::Less => Self { low: open(min), high: edge(false) },
            BinaryOp::LessOrEqual => Self { low: open(min), high: edge(true) },
            BinaryOp::Greater => Self { low: edge(false), high: open(max) },
            BinaryOp::GreaterOrEqual => Self { low: edge(true), high: open(max) },
            _ => return None,
        })
    }

    pub(super) fn is_point(&self) -> bool {
        self.low == self.high
    }

    fn intersect(&self, other: &Self) -> Option<Self> {
        let low = match self.low.part.compare(&other.low.part) {
            Ordering::Less => &other.low,
            Ordering::Greater => &self.low,
            Ordering::Equal if self.low.inclusive => &other.low,
            Ordering::Equal => &self.low,
        };
        let high = match self.high.part.compare(&other.high.part) {
            Ordering::Less => &self.high,
            Ordering::Greater => &other.high,
            Ordering::Equal if self.high.inclusive => &other.high,
            Ordering::Equal => &self.high,
        };
        let filled = match low.part.compare(&high.part) {
            Ordering::Less => true,
            Ordering::Equal => low.inclusive && high.inclusive,
            Ordering::Greater => false,
        };
        filled.then(|| Self { low: low.clone(), high: high.clone() })
    }
}

impl Solution {
    fn anything(components: usize) -> Self {
        Self(vec![vec![None; components]])
    }

    fn nothing() -> Self {
        Self(Vec::new())
    }

    fn is_anything(&self) -> bool {
        self.0.iter().any(|alternative| alternative.iter().all(Option::is_none))
    }

    fn or(mut self, mut other: Self, components: usize) -> Self {
        self.0.append(&mut other.0);
        if self.is_anything() || self.0.len() > MAX_ALTERNATIVES {
            return Self::anything(components);
        }
        self
    }

    fn and(self, other: Self) -> Self {
        let (fewer, more) =
            if self.0.len() <= other.0.len() { (self, other) } else { (other, self) };
        if fewer.0.len().saturating_mul(more.0.len()) > MAX_COMBINATIONS {
            return fewer;
        }
        let combined: Vec<Alternative> = fewer
            .0
            .iter()
            .flat_map(|left| more.0.iter().filter_map(move |right| combine(left, right)))
            .collect();
        if combined.len() > MAX_ALTERNATIVES { fewer } else { Self(combined) }
    }
}

fn combine(left: &Alternative, right: &Alternative) -> Option<Alternative> {
    let pairs = left.iter().zip(right);
    pairs
        .map(|pair| match pair {
            (Some(left), Some(right)) => left.intersect(right).map(Some),
            (Some(one), None) | (None, Some(one)) => Some(Some(one.clone())),
            (None, None) => Some(None),
        })
        .collect()
}

/// Reads filters over one source.
pub(super) struct Solver<'a> {
    paths: &'a [Vec<String>],
    space: Space,
    alias: Arc<str>,
    /// Where the source starts in the item.
    prefix: Vec<Arc<str>>,
}

impl<'a> Solver<'a> {
    /// A solver for the first source of a query, unless that is something else than a part of the item.
    pub(super) fn new(from: &From, paths: &'a [Vec<String>], space: Space) -> Option<Self> {
        let alias = source_alias(&from.source)?;
        if from.joins.iter().any(|join| source_alias(join).as_ref() == Some(&alias)) {
            return None;
        }
        let Source::Alias { collection: Collection::Path { steps, .. }, .. } = &from.source else {
            return None;
        };
        let names = steps.iter().map(|step| match step {
            Step::Property(name) | Step::Quoted(name) => Some(name.clone()),
            Step::Index(_) => None,
        });
        Some(Self { paths, space, alias, prefix: names.collect::<Option<_>>()? })
    }

    /// The keys for which the expression can be `wanted`.
    pub(super) fn solve(&self, expr: &Expr, wanted: bool) -> Solution {
        if let Some(value) = constant(expr, self.space) {
            return if value == Value::Bool(wanted) {
                self.anything()
            } else {
                Solution::nothing()
            };
        }
        if let Some(component) = self.component(expr) {
            return self.point(component, &Value::Bool(wanted));
        }
        match expr {
            Expr::Unary(UnaryOp::Not, operand) => self.solve(operand, !wanted),
            Expr::Binary(BinaryOp::And, left, right) => self.both(left, right, wanted, wanted),
            Expr::Binary(BinaryOp::Or, left, right) => self.both(left, right, wanted, !wanted),
            Expr::Binary(op, left, right) if is_comparison(*op) => {
                self.comparison(*op, left, right, wanted)
            }
            Expr::In { needle, list, negated } if *negated != wanted => self.one_of(needle, list),
            Expr::Between { value, low, high, negated } if *negated != wanted => {
                let low = self.comparison(BinaryOp::GreaterOrEqual, value, low, true);
                low.and(self.comparison(BinaryOp::LessOrEqual, value, high, true))
            }
            Expr::Like { value, pattern, escape, negated } if *negated != wanted => {
                self.like(value, pattern, escape.as_deref())
            }
            Expr::Call { name, udf: false, args, .. } if wanted => self.call(name, args),
            _ => self.anything(),
        }
    }

    /// Two operands that have to be `wanted`, both or one of them.
    fn both(&self, left: &Expr, right: &Expr, wanted: bool, all: bool) -> Solution {
        let (left, right) = (self.solve(left, wanted), self.solve(right, wanted));
        if all { left.and(right) } else { left.or(right, self.paths.len()) }
    }

    fn comparison(&self, op: BinaryOp, left: &Expr, right: &Expr, wanted: bool) -> Solution {
        let op = if wanted { op } else { opposite(op) };
        let nonempty = self.nonempty(left).and(self.nonempty(right));
        let direct = self.one_sided(op, left, right);
        direct.or_else(|| self.one_sided(mirrored(op), right, left)).unwrap_or(nonempty)
    }

    /// A comparison with a constant on the right.
    fn one_sided(&self, op: BinaryOp, left: &Expr, right: &Expr) -> Option<Solution> {
        let value = constant(right, self.space)?;
        if let Some(component) = self.component(left) {
            return Some(match op {
                BinaryOp::Equal if value.is_undefined() => Solution::nothing(),
                BinaryOp::Equal => self.point(component, &value),
                BinaryOp::NotEqual => self.anything(),
                _ => Interval::beside(op, &value)
                    .map_or_else(|| self.anything(), |it| self.interval(component, it)),
            });
        }
        match (op, left) {
            (BinaryOp::Equal, Expr::Call { name, udf: false, args, .. })
                if name.eq_ignore_ascii_case("ABS") =>
            {
                let [arg] = &args[..] else { return None };
                Some(self.magnitude(self.component(arg)?, value.as_number()?))
            }
            _ => None,
        }
    }

    /// `ABS(path) = number`
    fn magnitude(&self, component: usize, number: Number) -> Solution {
        let number = number.as_f64();
        if number < 0.0 {
            return Solution::nothing();
        }
        self.points(component, [-number, number].map(Value::from).iter())
    }

    /// The keys for which a subquery over the same item has a row, without which it compares with nothing.
    fn nonempty(&self, operand: &Expr) -> Solution {
        let inner = match operand {
            Expr::Subquery(query) => self.over_the_same(query),
            _ => None,
        };
        inner.unwrap_or_else(|| self.anything())
    }

    fn over_the_same(&self, query: &Query) -> Option<Solution> {
        let from = query.from.as_ref()?;
        let Source::Alias { collection: Collection::Path { root, steps, .. }, .. } = &from.source
        else {
            return None;
        };
        if *root != self.alias || !steps.is_empty() {
            return None;
        }
        let alias = source_alias(&from.source)?;
        let inner =
            Self { paths: self.paths, space: self.space, alias, prefix: self.prefix.clone() };
        Some(inner.solve(query.filter.as_ref()?, true))
    }

    fn one_of(&self, needle: &Expr, list: &[Expr]) -> Solution {
        let values: Option<Vec<Value>> =
            list.iter().map(|element| constant(element, self.space)).collect();
        match (self.component(needle), values) {
            (Some(component), Some(values)) => {
                self.points(component, values.iter().filter(|value| !value.is_undefined()))
            }
            _ => self.anything(),
        }
    }

    fn like(&self, value: &Expr, pattern: &Expr, escape: Option<&str>) -> Solution {
        let pattern = constant(pattern, self.space);
        let exact = pattern.as_ref().and_then(Value::as_str).and_then(|it| exact(it, escape));
        match (self.component(value), exact) {
            (Some(component), Some(text)) => self.point(component, &Value::from(text)),
            _ => self.anything(),
        }
    }

    fn call(&self, name: &str, args: &[Expr]) -> Solution {
        let upper = name.to_ascii_uppercase();
        let component = |index: usize| args.get(index).and_then(|arg| self.component(arg));
        match (upper.as_str(), component(0), component(1)) {
            ("IS_NULL", Some(component), _) => self.point(component, &Value::Null),
            ("IS_BOOL" | "IS_BOOLEAN", Some(component), _) => {
                self.points(component, [false, true].map(Value::from).iter())
            }
            ("ARRAY_CONTAINS" | "_TRY_ARRAY_CONTAINS", _, Some(component)) if args.len() == 2 => {
                let array = args.first().and_then(|arg| constant(arg, self.space));
                match array.as_ref().and_then(Value::as_array) {
                    Some(elements) => self.points(component, elements.iter()),
                    None => self.anything(),
                }
            }
            _ => self.anything(),
        }
    }

    /// Which component of the key an expression is.
    fn component(&self, expr: &Expr) -> Option<usize> {
        let mut names = Vec::new();
        let mut next = expr;
        loop {
            next = match next {
                Expr::Name(name, _) if *name == self.alias => break,
                Expr::Property(base, name) => {
                    names.push(name);
                    base
                }
                Expr::Index(base, index) => {
                    let Expr::Literal(Value::String(name)) = &**index else { return None };
                    names.push(name);
                    base
                }
                _ => return None,
            };
        }
        let path = || self.prefix.iter().chain(names.iter().rev().copied()).map(|name| &**name);
        self.paths.iter().position(|known| path().eq(known.iter().map(String::as_str)))
    }

    fn anything(&self) -> Solution {
        Solution::anything(self.paths.len())
    }

    fn interval(&self, component: usize, interval: Interval) -> Solution {
        let mut alternative = vec![None; self.paths.len()];
        if let Some(place) = alternative.get_mut(component) {
            *place = Some(interval);
        }
        Solution(vec![alternative])
    }

    fn point(&self, component: usize, value: &Value) -> Solution {
        self.interval(component, Interval::point(value))
    }

    fn points<'v>(&self, component: usize, values: impl Iterator<Item = &'v Value>) -> Solution {
        let mut alternatives = Vec::new();
        for value in values {
            alternatives.append(&mut self.point(component, value).0);
        }
        if alternatives.len() > MAX_ALTERNATIVES { self.anything() } else { Solution(alternatives) }
    }
}

/// The comparison that is true where this one is false.
fn opposite(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Equal => BinaryOp::NotEqual,
        BinaryOp::NotEqual => BinaryOp::Equal,
        BinaryOp::Less => BinaryOp::GreaterOrEqual,
        BinaryOp::LessOrEqual => BinaryOp::Greater,
        BinaryOp::Greater => BinaryOp::LessOrEqual,
        BinaryOp::GreaterOrEqual => BinaryOp::Less,
        other => other,
    }
}

/// The comparison that says the same with its operands exchanged.
fn mirrored(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Less => BinaryOp::Greater,
        BinaryOp::LessOrEqual => BinaryOp::GreaterOrEqual,
        BinaryOp::Greater => BinaryOp::Less,
        BinaryOp::GreaterOrEqual => BinaryOp::LessOrEqual,
        other => other,
    }
}

/// The only text that a pattern matches, if it has no wildcard.
fn exact(pattern: &str, escape: Option<&str>) -> Option<String> {
    let escape = escape.and_then(|it| it.chars().next());
    let mut text = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            _ if Some(character) == escape => text.push(characters.next()?),
            '%' | '_' | '[' => return None,
            _ => text.push(character),
        }
    }
    Some(text)
}
