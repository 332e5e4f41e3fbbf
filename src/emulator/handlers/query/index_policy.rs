//! The indexing policy of a container, as far as index metrics depend on it.

use super::index_filters::{ELEMENT, Path};
use crate::emulator::sql::value::Value;
use crate::partition_key::parse_path;

/// One path of a composite index.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CompositeKey {
    pub(super) path: Path,
    pub(super) descending: bool,
}

impl CompositeKey {
    pub(super) fn ascending(path: &Path) -> Self {
        Self { path: path.clone(), descending: false }
    }

    pub(super) fn reversed(&self) -> Self {
        Self { path: self.path.clone(), descending: !self.descending }
    }

    /// As the metrics write it: `/name ASC`.
    pub(super) fn spec(&self) -> String {
        format!("{} {}", path_text(&self.path), if self.descending { "DESC" } else { "ASC" })
    }

    fn of(value: &Value) -> Option<Self> {
        let order = value.get("order");
        Some(Self {
            path: parse_path(value.get("path").as_str()?).ok()?,
            descending: order.as_str().is_some_and(|it| it.eq_ignore_ascii_case("descending")),
        })
    }
}

/// A path of a policy without the `?` or `*` at its end.
#[derive(Debug)]
struct Pattern {
    path: Path,
    /// It ends in `?`: it is about this value only, not about those below.
    is_exact: bool,
}

impl Pattern {
    fn of(value: &Value) -> Option<Self> {
        let mut path = parse_path(value.get("path").as_str()?).ok()?;
        let is_exact = path.last().is_some_and(|it| it == "?");
        if is_exact || path.last().is_some_and(|it| it == "*") {
            path.pop();
        }
        Some(Self { path, is_exact })
    }

    /// How precisely it is about a path; nothing where it is about others.
    fn precision(&self, path: &[String]) -> Option<(usize, bool)> {
        let matches = if self.is_exact { self.path == path } else { path.starts_with(&self.path) };
        matches.then_some((self.path.len(), self.is_exact))
    }
}

/// Which paths are indexed, by themselves or together.
#[derive(Debug)]
pub(super) struct IndexPolicy {
    has_index: bool,
    included: Vec<Pattern>,
    excluded: Vec<Pattern>,
    pub(super) composites: Vec<Vec<CompositeKey>>,
}

impl IndexPolicy {
    /// Reads a policy as the container keeps it, with the defaults filled in.
    pub(super) fn of(policy: &Value) -> Self {
        let list = |name: &str| policy.get(name).as_array().unwrap_or_default().to_vec();
        let has_index =
            !policy.get("indexingMode").as_str().is_some_and(|it| it.eq_ignore_ascii_case("none"));
        let composites = if has_index { list("compositeIndexes") } else { Vec::new() };
        Self {
            has_index,
            included: list("includedPaths").iter().filter_map(Pattern::of).collect(),
            excluded: list("excludedPaths").iter().filter_map(Pattern::of).collect(),
            composites: composites
                .iter()
                .filter_map(|it| it.as_array()?.iter().map(CompositeKey::of).collect())
                .collect(),
        }
    }

    /// Whether a path is indexed: the more precise of the paths that are about it counts.
    pub(super) fn includes(&self, path: &[String]) -> bool {
        let best = |of: &[Pattern]| of.iter().filter_map(|it| it.precision(path)).max();
        // These two are indexed whatever the policy says of them.
        let is_system = matches!(path, [name] if name == "id" || name == "_ts");
        let included = best(&self.included);
        self.has_index && (is_system || (included.is_some() && included >= best(&self.excluded)))
    }
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
