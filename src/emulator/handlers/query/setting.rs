//! What queries need to know of their container.

use std::sync::Arc;

use crate::emulator::sql::ast::Query;
use crate::emulator::sql::environment::{DistanceFunction, VectorEmbedding};
use crate::emulator::sql::parser::parse;
use crate::emulator::sql::plan::{KeyKind, PlanContext, Space};
use crate::emulator::sql::value::Value;
use crate::emulator::store::container::Rules;
use crate::partition_key::PartitionKeyKind;

/// What queries of a container need to know about it.
pub(super) struct Setting {
    pub(super) vectors: Vec<VectorEmbedding>,
    pub(super) computed: Vec<(Arc<str>, Query)>,
    space: Space,
}

impl Setting {
    pub(super) fn of(rules: &Rules) -> Self {
        let properties = Value::from(rules.definition.properties.clone());
        let list = |value: Value| value.as_array().map(<[Value]>::to_vec).unwrap_or_default();
        let vectors = list(properties.get("vectorEmbeddingPolicy").get("vectorEmbeddings"));
        let computed = list(properties.get("computedProperties"));
        let geometry = properties.get("geospatialConfig").get("type").as_str() == Some("Geometry");
        Self {
            vectors: vectors.iter().filter_map(embedding).collect(),
            computed: computed
                .iter()
                .filter_map(|it| {
                    let query = parse(it.get("query").as_str()?).ok()?;
                    Some((Arc::from(it.get("name").as_str()?), query))
                })
                .collect(),
            space: if geometry { Space::Geometry } else { Space::Geography },
        }
    }

    pub(super) fn context<'a>(
        &'a self,
        rules: &'a Rules,
        has_partition_key_header: bool,
        features: &'a [&'a str],
    ) -> PlanContext<'a> {
        PlanContext {
            partition_key_paths: &rules.definition.key_paths,
            kind: match rules.definition.key.kind {
                PartitionKeyKind::Hash => KeyKind::Hash,
                PartitionKeyKind::MultiHash => KeyKind::MultiHash,
                PartitionKeyKind::Range => KeyKind::Range,
            },
            has_partition_key_header,
            features,
            vectors: &self.vectors,
            space: self.space,
        }
    }
}

fn embedding(value: &Value) -> Option<VectorEmbedding> {
    let dimensions = value.get("dimensions").as_number()?.as_i64()?;
    Some(VectorEmbedding {
        path: value.get("path").as_str()?.to_owned(),
        dimensions: usize::try_from(dimensions).ok()?,
        distance: match value.get("distanceFunction").as_str()?.to_ascii_lowercase().as_str() {
            "euclidean" => DistanceFunction::Euclidean,
            "dotproduct" => DistanceFunction::DotProduct,
            _ => DistanceFunction::Cosine,
        },
    })
}
