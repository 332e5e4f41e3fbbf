//! Index metrics: which indexes a query uses, and which would serve it, by its shape and the container's policy.
//!
//! They follow the rules that the documentation gives for single and composite indexes. Items are not looked at, so
//! every score is `High`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::index_filters::{Aliases, Filter, Path, Role, Survey, path_of};
use super::index_policy::{CompositeKey, IndexPolicy, path_text};
use crate::emulator::request::Request;
use crate::emulator::sql::ast::{Direction, OrderBy, Query};
use crate::emulator::sql::value::{Object, Value};
use crate::emulator::store::container::Rules;
use crate::link::encode_path;
use crate::wire::header;

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

#[cfg(test)]
mod tests;
