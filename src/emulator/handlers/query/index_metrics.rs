//! Index metrics: which indexes a query uses, and which would serve it, by its shape and the container's policy.
//!
//! They follow the rules that the documentation gives for single and composite indexes. Items are not looked at, so
//! every score is `High`.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::index_policy::{CompositeKey, IndexPolicy};
use crate::emulator::request::Request;
use crate::emulator::sql::ast::{
    BinaryOp, Collection, Direction, Expr, OrderBy, Query, Source, Step, UnaryOp,
};
use crate::emulator::sql::naming::source_alias;
use crate::emulator::sql::value::{Object, Value};
use crate::emulator::sql::walk::{children, sources, subquery};
use crate::emulator::store::container::Rules;
use crate::link::encode_path;
use crate::wire::header;

/// The names along a path; [`ELEMENT`] stands for any element of an array.
pub(super) type Path = Vec<String>;

/// The step into an array.
const ELEMENT: &str = "[]";

/// Functions that look up their first argument in an index.
const SERVED_FUNCTIONS: [&str; 11] = [
    "STARTSWITH",
    "ENDSWITH",
    "CONTAINS",
    "STRINGEQUALS",
    "REGEXMATCH",
    "IS_DEFINED",
    "IS_NULL",
    "IS_BOOL",
    "IS_NUMBER",
    "IS_STRING",
    "IS_PRIMITIVE",
];

/// The header's text, where the request asks for index metrics.
pub(super) fn asked_for(request: &Request<'_>, query: &Query, rules: &Rules) -> Option<String> {
    let is_second = request.is_set(&header::POPULATE_INDEX_METRICS_V2);
    if !is_second && !request.is_set(&header::POPULATE_INDEX_METRICS) {
        return None;
    }
    let policy = rules.definition.properties.get("indexingPolicy");
    let metrics = IndexMetrics::of(query, &IndexPolicy::of(policy.unwrap_or(&Value::Undefined)));
    Some(if is_second {
        let mut out = String::new();
        encode_path(&metrics.second_form().to_json(), &mut out);
        out
    } else {
        STANDARD.encode(metrics.first_form().to_json())
    })
}

/// Indexes, as the metrics name them.
#[derive(Debug, Default, PartialEq)]
struct Indexes {
    single: Vec<String>,
    composite: Vec<Vec<String>>,
}

impl Indexes {
    fn add_single(&mut self, spec: String) {
        if !self.single.contains(&spec) {
            self.single.push(spec);
        }
    }

    fn add_composite(&mut self, keys: &[CompositeKey]) {
        let specs = keys.iter().map(CompositeKey::spec).collect();
        if !self.composite.contains(&specs) {
            self.composite.push(specs);
        }
    }

    fn singles(&self, with: &[(&'static str, Value)]) -> Value {
        let entries = self.single.iter().map(|it| entry("IndexSpec", it.as_str().into(), with));
        Value::array(entries.collect())
    }

    fn composites(&self, with: &[(&'static str, Value)]) -> Value {
        let entries = self.composite.iter().map(|specs| {
            let specs = specs.iter().map(|it| it.as_str().into()).collect();
            entry("IndexSpecs", Value::array(specs), with)
        });
        Value::array(entries.collect())
    }

    fn second_form(&self, with: &[(&'static str, Value)]) -> Value {
        Object::from_iter([
            ("SingleIndexes", self.singles(with)),
            ("CompositeIndexes", self.composites(with)),
        ])
        .into()
    }
}

fn entry(name: &'static str, spec: Value, with: &[(&'static str, Value)]) -> Value {
    Object::from_iter(std::iter::once((name, spec)).chain(with.iter().cloned())).into()
}

/// What a query makes of a policy.
#[derive(Debug, Default, PartialEq)]
struct IndexMetrics {
    utilized: Indexes,
    potential: Indexes,
}

impl IndexMetrics {
    fn of(query: &Query, policy: &IndexPolicy) -> Self {
        let mut survey = Survey::default();
        let aliases = survey.query(query, &Aliases::new());
        let order = order_keys(query, &aliases);
        let mut metrics = Self::default();
        for filter in &survey.filters {
            metrics.add_single(&filter.path, policy);
        }
        if let [only] = order.as_slice() {
            metrics.add_single(&only.path, policy);
        }
        metrics.add_filter_composites(&survey.filters, policy);
        if order.len() > 1 {
            metrics.add_order_composite(&order, policy);
        }
        metrics
    }

    fn add_single(&mut self, path: &Path, policy: &IndexPolicy) {
        let is_indexed = policy.includes(path);
        let indexes = if is_indexed { &mut self.utilized } else { &mut self.potential };
        indexes.add_single(format!("{}/?", path_text(path)));
    }

    /// Composite indexes serve filters on equality, and after those one on a range.
    fn add_filter_composites(&mut self, filters: &[Filter], policy: &IndexPolicy) {
        let equal = distinct_paths(filters, Role::Equality, &[]);
        let ranges = distinct_paths(filters, Role::Range, &equal);
        for index in &policy.composites {
            let prefix = index.iter().take_while(|it| equal.contains(&it.path)).count();
            let has_range = index.get(prefix).is_some_and(|it| ranges.contains(&it.path));
            if prefix > 0 && prefix + usize::from(has_range) > 1 {
                self.utilized.add_composite(index);
            }
        }
        let lasts: Vec<Option<&Path>> =
            if ranges.is_empty() { vec![None] } else { ranges.iter().map(Some).collect() };
        for last in lasts {
            let wanted: Vec<CompositeKey> =
                equal.iter().chain(last).map(CompositeKey::ascending).collect();
            let serves = |index: &Vec<CompositeKey>| {
                let (first, rest) = index.split_at(equal.len().min(index.len()));
                first.len() == equal.len()
                    && first.iter().all(|it| equal.contains(&it.path))
                    && last.is_none_or(|last| rest.first().is_some_and(|it| it.path == *last))
            };
            if !equal.is_empty() && wanted.len() > 1 && !policy.composites.iter().any(serves) {
                self.potential.add_composite(&wanted);
            }
        }
    }

    /// Several sort keys need an index of just these, in these directions or all in the opposite ones.
    fn add_order_composite(&mut self, order: &[CompositeKey], policy: &IndexPolicy) {
        let reversed: Vec<CompositeKey> = order.iter().map(CompositeKey::reversed).collect();
        match policy.composites.iter().find(|it| *it == order || **it == reversed) {
            Some(index) => self.utilized.add_composite(index),
            None => self.potential.add_composite(order),
        }
    }

    /// The form in which Python and Java read them.
    fn first_form(&self) -> Value {
        let with = [
            ("FilterExpression", Value::from("")),
            ("FilterPreciseSet", true.into()),
            ("IndexPreciseSet", true.into()),
            ("IndexImpactScore", "High".into()),
        ];
        Object::from_iter([
            ("UtilizedSingleIndexes", self.utilized.singles(&with)),
            ("PotentialSingleIndexes", self.potential.singles(&with)),
            ("UtilizedCompositeIndexes", self.utilized.composites(&with)),
            ("PotentialCompositeIndexes", self.potential.composites(&with)),
        ])
        .into()
    }

    /// The form in which JavaScript and .NET read them: only what is still missing has a score.
    fn second_form(&self) -> Value {
        let with = [("IndexImpactScore", Value::from("High"))];
        Object::from_iter([
            ("UtilizedIndexes", self.utilized.second_form(&[])),
            ("PotentialIndexes", self.potential.second_form(&with)),
        ])
        .into()
    }
}

/// How a filter can take part in a composite index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Equality,
    Range,
    /// It is one of several alternatives, or on the elements of an array.
    Alone,
}

/// A comparison that an index can serve.
#[derive(Debug)]
struct Filter {
    path: Path,
    role: Role,
}

/// What the aliases of a query stand for.
type Aliases = HashMap<Arc<str>, Path>;

/// The filters of a query and its subqueries. How deep it goes, the parser has bounded.
#[derive(Default)]
struct Survey {
    filters: Vec<Filter>,
}

impl Survey {
    /// Adds the filters of a query, and answers what its aliases stand for.
    fn query(&mut self, query: &Query, outer: &Aliases) -> Aliases {
        let mut aliases = outer.clone();
        for (index, source) in query.from.iter().flat_map(sources).enumerate() {
            // The first source of all is the container, whatever it is called.
            self.source(source, &mut aliases, outer.is_empty() && index == 0);
        }
        if let Some(filter) = &query.filter {
            self.filter(filter, &aliases, outer.is_empty());
        }
        aliases
    }

    fn source(&mut self, source: &Source, aliases: &mut Aliases, is_container: bool) {
        let (Source::Alias { collection, .. } | Source::Iterate { collection, .. }) = source;
        let path = match collection {
            Collection::Path { root, steps, .. } => {
                let base =
                    if is_container { Some(Path::new()) } else { aliases.get(root).cloned() };
                let is_iterated = matches!(source, Source::Iterate { .. });
                let element = is_iterated.then(|| ELEMENT.to_owned());
                base.map(|it| {
                    it.into_iter().chain(steps.iter().map(step_name)).chain(element).collect()
                })
            }
            Collection::Subquery(query) => {
                self.query(query, aliases);
                None
            }
        };
        match (source_alias(source), path) {
            (Some(alias), Some(path)) => aliases.insert(alias, path),
            (Some(alias), None) => aliases.remove(&alias),
            (None, _) => None,
        };
    }

    /// Adds the filters of a condition; `required` where no item passes without it.
    fn filter(&mut self, expr: &Expr, aliases: &Aliases, required: bool) {
        match expr {
            Expr::Binary(BinaryOp::And, left, right) => {
                self.filter(left, aliases, required);
                self.filter(right, aliases, required);
            }
            Expr::Binary(BinaryOp::Or, left, right) => {
                self.filter(left, aliases, false);
                self.filter(right, aliases, false);
            }
            Expr::Unary(UnaryOp::Not, inner) => self.filter(inner, aliases, false),
            Expr::Exists(query) => {
                self.query(query, aliases);
            }
            _ => {
                if let Some((path, role)) = served(expr, aliases)
                    && !path.is_empty()
                {
                    let is_composable = required && !path.iter().any(|it| it == ELEMENT);
                    let role = if is_composable { role } else { Role::Alone };
                    self.filters.push(Filter { path, role });
                }
            }
        }
    }
}

/// The path that a single condition looks up, and how.
fn served(expr: &Expr, aliases: &Aliases) -> Option<(Path, Role)> {
    let path = |expr: &Expr| path_of(expr, aliases);
    match expr {
        Expr::Binary(op, left, right) => {
            let role = comparison(*op)?;
            let (key, value) = if is_constant(left) { (right, left) } else { (left, right) };
            Some((is_constant(value).then(|| path(key))??, role))
        }
        Expr::In { needle, list, negated } => {
            let role = if *negated { Role::Range } else { Role::Equality };
            Some((list.iter().all(is_constant).then(|| path(needle))??, role))
        }
        Expr::Between { value, low, high, .. } => {
            let is_served = is_constant(low) && is_constant(high);
            Some((is_served.then(|| path(value))??, Role::Range))
        }
        Expr::Like { value, pattern, .. } => {
            Some((is_constant(pattern).then(|| path(value))??, Role::Range))
        }
        Expr::Call { name, udf: false, args, .. } => served_call(name, args, aliases),
        // A property by itself is looked up as `true`.
        _ => Some((path(expr)?, Role::Equality)),
    }
}

fn served_call(name: &str, args: &[Expr], aliases: &Aliases) -> Option<(Path, Role)> {
    let (first, rest) = args.split_first()?;
    if name.eq_ignore_ascii_case("ARRAY_CONTAINS") {
        if is_constant(first) {
            return Some((path_of(rest.first()?, aliases)?, Role::Equality));
        }
        let mut path = path_of(first, aliases)?;
        path.push(ELEMENT.to_owned());
        return rest.iter().all(is_constant).then_some((path, Role::Alone));
    }
    let is_served = SERVED_FUNCTIONS.iter().any(|it| name.eq_ignore_ascii_case(it));
    (is_served && rest.iter().all(is_constant))
        .then(|| Some((path_of(first, aliases)?, Role::Range)))?
}

fn comparison(op: BinaryOp) -> Option<Role> {
    match op {
        BinaryOp::Equal => Some(Role::Equality),
        BinaryOp::NotEqual
        | BinaryOp::Less
        | BinaryOp::LessOrEqual
        | BinaryOp::Greater
        | BinaryOp::GreaterOrEqual => Some(Role::Range),
        _ => None,
    }
}

/// Whether an expression reads no item.
fn is_constant(expr: &Expr) -> bool {
    !matches!(expr, Expr::Name(..))
        && subquery(expr).is_none()
        && children(expr).into_iter().all(is_constant)
}

/// The path of an expression within an item; nothing where it is computed.
fn path_of(expr: &Expr, aliases: &Aliases) -> Option<Path> {
    let (inner, step) = match expr {
        Expr::Name(name, _) => return aliases.get(name).cloned(),
        Expr::Property(inner, name) => (inner, name.to_string()),
        Expr::Index(inner, index) => match &**index {
            Expr::Literal(Value::String(name)) => (inner, name.to_string()),
            Expr::Literal(Value::Number(_)) => (inner, ELEMENT.to_owned()),
            _ => return None,
        },
        _ => return None,
    };
    let mut path = path_of(inner, aliases)?;
    path.push(step);
    Some(path)
}

fn step_name(step: &Step) -> String {
    match step {
        Step::Property(name) | Step::Quoted(name) => name.to_string(),
        Step::Index(_) => ELEMENT.to_owned(),
    }
}

/// The sort keys, as an index for them would have them; none where one is computed.
fn order_keys(query: &Query, aliases: &Aliases) -> Vec<CompositeKey> {
    let Some(OrderBy::Items(items)) = &query.order_by else { return Vec::new() };
    let keys: Option<Vec<CompositeKey>> = items
        .iter()
        .map(|it| {
            let path = path_of(&it.expr, aliases).filter(|path| !path.is_empty())?;
            Some(CompositeKey { path, descending: it.direction == Some(Direction::Descending) })
        })
        .collect();
    keys.unwrap_or_default()
}

fn distinct_paths(filters: &[Filter], role: Role, known: &[Path]) -> Vec<Path> {
    let mut paths: Vec<Path> = Vec::new();
    for filter in filters.iter().filter(|it| it.role == role) {
        if !known.contains(&filter.path) && !paths.contains(&filter.path) {
            paths.push(filter.path.clone());
        }
    }
    paths
}

/// A path as policies write it; names that are no identifiers are quoted.
pub(super) fn path_text(path: &Path) -> String {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    path.iter()
        .map(|name| {
            if name == ELEMENT || (!name.is_empty() && name.bytes().all(is_word)) {
                format!("/{name}")
            } else {
                format!("/\"{}\"", name.replace('"', "\\\""))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
