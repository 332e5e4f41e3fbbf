//! In which direction the distance of vectors sorts.

use crate::emulator::sql::ast::{Direction, Expr};
use crate::emulator::sql::environment::{DistanceFunction, VectorEmbedding};
use crate::emulator::sql::value::Value;

/// For a call of `VectorDistance`: the order in which the nearest come first. That is for the function to say, not for
/// the query.
pub(super) fn direction(expr: &Expr, policy: &[VectorEmbedding]) -> Option<Direction> {
    match expr {
        Expr::Call { name, udf: false, args, .. }
            if name.eq_ignore_ascii_case("VectorDistance") =>
        {
            let distance = args.get(3).and_then(named).or_else(|| declared(args, policy));
            Some(match distance.unwrap_or_default() {
                DistanceFunction::Euclidean => Direction::Ascending,
                DistanceFunction::Cosine | DistanceFunction::DotProduct => Direction::Descending,
            })
        }
        _ => None,
    }
}

/// The function that the options name.
fn named(options: &Expr) -> Option<DistanceFunction> {
    let found = match options {
        Expr::Object(members) => {
            let (_, member) = members.iter().find(|(name, _)| &**name == "distanceFunction")?;
            let Expr::Literal(value) = member else { return None };
            value.clone()
        }
        Expr::Literal(value) => value.get("distanceFunction"),
        _ => return None,
    };
    match found.as_str()?.to_ascii_lowercase().as_str() {
        "euclidean" => Some(DistanceFunction::Euclidean),
        "cosine" => Some(DistanceFunction::Cosine),
        "dotproduct" => Some(DistanceFunction::DotProduct),
        _ => None,
    }
}

/// The function of the container's policy for the path that is compared.
fn declared(args: &[Expr], policy: &[VectorEmbedding]) -> Option<DistanceFunction> {
    let paths: Vec<String> = args.iter().take(2).filter_map(path).collect();
    let found = policy.iter().find(|embedding| paths.contains(&embedding.path))?;
    Some(found.distance)
}

/// The path of an expression below its root: `/a/b` for `c.a["b"]`.
fn path(expr: &Expr) -> Option<String> {
    let (base, name) = match expr {
        Expr::Name(..) => return Some(String::new()),
        Expr::Property(base, name) => (base, name),
        Expr::Index(base, index) => match &**index {
            Expr::Literal(Value::String(name)) => (base, name),
            _ => return None,
        },
        _ => return None,
    };
    Some(format!("{}/{name}", path(base)?))
}
