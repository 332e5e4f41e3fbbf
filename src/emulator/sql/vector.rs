//! What the container's vector policy adds to `VectorDistance`.

use super::ast::{Direction, Expr};
use super::environment::{DistanceFunction, Environment, VectorEmbedding};
use super::program::Node;
use super::value::{Object, Value};

/// The function of the language.
pub(super) const DISTANCE: &str = "VECTORDISTANCE";

/// Whether a function measures how far vectors are apart.
pub(super) fn is_distance(name: &str) -> bool {
    name.eq_ignore_ascii_case(DISTANCE) || name.eq_ignore_ascii_case("_VECTORSCORE")
}

/// In which order the nearest vectors come first, if the expression is a distance.
pub(super) fn direction(expr: &Expr, environment: &Environment<'_>) -> Option<Direction> {
    let Expr::Call { name, udf: false, args, .. } = expr else { return None };
    is_distance(name).then(|| match distance_function(args, environment) {
        DistanceFunction::Euclidean => Direction::Ascending,
        DistanceFunction::Cosine | DistanceFunction::DotProduct => Direction::Descending,
    })
}

/// The arguments that a call leaves to the policy of the container.
pub(super) fn policy_arguments(
    name: &str,
    args: &[Expr],
    environment: &Environment<'_>,
) -> Vec<Node> {
    if !is_distance(name) || !matches!(args.len(), 2 | 3) || embedding(args, environment).is_none()
    {
        return Vec::new();
    }
    let function = match distance_function(args, environment) {
        DistanceFunction::Cosine => "cosine",
        DistanceFunction::DotProduct => "dotproduct",
        DistanceFunction::Euclidean => "euclidean",
    };
    let options = Object::from_iter([("distanceFunction", Value::from(function))]);
    let brute_force = (args.len() == 2).then_some(Value::Bool(false));
    brute_force.into_iter().chain([Value::from(options)]).map(Node::Constant).collect()
}

/// The function that the call names, else that of the policy, else cosine.
fn distance_function(args: &[Expr], environment: &Environment<'_>) -> DistanceFunction {
    let own = args.get(3).and_then(|options| match options {
        Expr::Object(members) => members
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("distanceFunction"))
            .and_then(|(_, value)| if let Expr::Literal(it) = value { it.as_str() } else { None }),
        Expr::Literal(Value::Object(members)) => members.get("distanceFunction")?.as_str(),
        _ => None,
    });
    match own.map(str::to_ascii_lowercase).as_deref() {
        Some("cosine") => DistanceFunction::Cosine,
        Some("dotproduct") => DistanceFunction::DotProduct,
        Some("euclidean") => DistanceFunction::Euclidean,
        _ => embedding(args, environment).map(|it| it.distance).unwrap_or_default(),
    }
}

/// The policy's entry for one of the two vectors.
fn embedding<'e>(args: &[Expr], environment: &'e Environment<'_>) -> Option<&'e VectorEmbedding> {
    let paths = args.iter().take(2).filter_map(path);
    paths.into_iter().find_map(|path| environment.vectors.iter().find(|it| it.path == path))
}

/// `c.a["b"]` as `/a/b`.
fn path(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Name(..) => Some(String::new()),
        Expr::Property(base, name) => Some(path(base)? + "/" + name),
        Expr::Index(base, index) => match &**index {
            Expr::Literal(Value::String(name)) => Some(path(base)? + "/" + name),
            _ => None,
        },
        _ => None,
    }
}
