//! What a query may ask of the world around it.

use std::sync::Arc;
use std::time::SystemTime;

use super::error::SqlError;
use super::value::Value;

/// The surroundings of one execution.
pub(crate) struct Environment<'a> {
    /// The time of day, for `GETCURRENT…` and `NOW`.
    pub(crate) now: SystemTime,
    /// Runs user-defined functions.
    pub(crate) udfs: &'a dyn UserFunctions,
    /// The container's computed properties: name and the parsed `SELECT VALUE` query.
    pub(crate) computed: &'a [(Arc<str>, super::ast::Query)],
    /// The container's vector embeddings.
    pub(crate) vectors: &'a [VectorEmbedding],
}

/// One entry of a container's vector embedding policy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct VectorEmbedding {
    /// `/embedding`
    pub(crate) path: String,
    pub(crate) dimensions: usize,
    pub(crate) distance: DistanceFunction,
}

/// How far two vectors are apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DistanceFunction {
    #[default]
    Cosine,
    DotProduct,
    Euclidean,
}

/// The user-defined functions of a container.
pub(crate) trait UserFunctions {
    /// The value of `udf.name(args)`.
    fn call(&self, name: &str, args: &[Value]) -> Result<Value, SqlError>;

    /// Whether any function was called so far.
    fn has_run(&self) -> bool {
        false
    }
}

/// No user-defined functions.
pub(crate) struct NoUserFunctions;

impl UserFunctions for NoUserFunctions {
    fn call(&self, name: &str, _args: &[Value]) -> Result<Value, SqlError> {
        Err(SqlError::Refused(format!("The user defined function '{name}' is not available.")))
    }
}

impl Environment<'_> {
    /// An environment without functions, computed properties or vectors.
    pub(crate) fn bare(now: SystemTime) -> Environment<'static> {
        Environment { now, udfs: &NoUserFunctions, computed: &[], vectors: &[] }
    }
}
