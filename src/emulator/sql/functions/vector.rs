//! How similar two vectors are.

use super::Function;
use super::or_undefined;
use crate::emulator::sql::environment::{DistanceFunction, Environment};
use crate::emulator::sql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "VectorDistance", min: 2, max: Some(4), eval: vector_distance },
    // The name that a gateway's plan gives to the same function in a hybrid search.
    Function { name: "_VectorScore", min: 2, max: Some(4), eval: vector_distance },
];

/// The distance or similarity of two vectors of the same length.
///
/// The service stores components as 32-bit floats and computes with 64 bits: its results show both.
pub(crate) fn distance(a: &[f64], b: &[f64], function: DistanceFunction) -> f64 {
    let stored = |it: f64| f64::from(it as f32);
    let sum = |term: fn(f64, f64) -> f64| {
        a.iter().zip(b).map(|(x, y)| term(stored(*x), stored(*y))).sum::<f64>()
    };
    match function {
        DistanceFunction::DotProduct => sum(|x, y| x * y),
        DistanceFunction::Euclidean => sum(|x, y| (x - y) * (x - y)).sqrt(),
        DistanceFunction::Cosine => {
            sum(|x, y| x * y) / (sum(|x, _| x * x).sqrt() * sum(|_, y| y * y).sqrt())
        }
    }
}

fn vector_distance(args: &[Value], environment: &Environment<'_>) -> Value {
    or_undefined(evaluate(args, environment))
}

/// Undefined for what are not two vectors of one length, and where the distance is no number.
fn evaluate(args: &[Value], environment: &Environment<'_>) -> Option<f64> {
    let (a, b) = (vector(args, 0)?, vector(args, 1)?);
    if a.is_empty() || a.len() != b.len() {
        return None;
    }
    if args.get(2).is_some_and(|it| !it.is_undefined() && it.as_bool().is_none()) {
        return None;
    }
    let function = match args.get(3) {
        Some(options) => chosen(options)?,
        None => None,
    };
    let function = function.unwrap_or_else(|| default_function(a.len(), environment));
    Some(distance(&a, &b, function)).filter(|it| it.is_finite())
}

fn vector(args: &[Value], index: usize) -> Option<Vec<f64>> {
    args.get(index)?.as_array()?.iter().map(Value::as_f64).collect()
}

/// The distance function that the options ask for, if they ask for one; `None` for an unknown one.
fn chosen(options: &Value) -> Option<Option<DistanceFunction>> {
    let wanted = match options {
        Value::Undefined => return Some(None),
        _ => options.as_object()?.get("distanceFunction"),
    };
    let Some(name) = wanted else { return Some(None) };
    Some(Some(match name.as_str()?.to_ascii_lowercase().as_str() {
        "cosine" => DistanceFunction::Cosine,
        "dotproduct" => DistanceFunction::DotProduct,
        "euclidean" => DistanceFunction::Euclidean,
        _ => return None,
    }))
}

/// The one function that all of the container's embeddings of this length share, else the cosine.
fn default_function(dimensions: usize, environment: &Environment<'_>) -> DistanceFunction {
    let mut candidates = environment.vectors.iter().filter(|it| it.dimensions == dimensions);
    let Some(first) = candidates.next() else { return DistanceFunction::default() };
    if candidates.all(|it| it.distance == first.distance) {
        first.distance
    } else {
        DistanceFunction::default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::emulator::sql::environment::VectorEmbedding;
    use crate::emulator::sql::functions::tests::{check, check_about, read_arguments};

    #[test]
    fn vectors_are_compared_by_the_function_asked_for() {
        check_about(
            &[
                ("VectorDistance([1,2,3], [4,5,6])", 0.9746318461970762),
                ("_VectorScore([1,2,3], [4,5,6], true)", 0.9746318461970762),
                (
                    "VectorDistance([1,2,3], [4,5,6], false, {\"distanceFunction\":\"dotproduct\"})",
                    32.0,
                ),
                (
                    "VectorDistance([1,2,3], [4,5,6], false, {\"distanceFunction\":\"Euclidean\"})",
                    27f64.sqrt(),
                ),
                (
                    "VectorDistance([1,2,3], [4,5,6], false, {\"dataType\":\"Float32\"})",
                    0.9746318461970762,
                ),
            ],
            1e-15,
        );
    }

    #[test]
    fn components_are_32_bit_floats() {
        let function = DistanceFunction::DotProduct;
        assert_eq!(distance(&[0.1], &[1.0], function), f64::from(0.1f32));
        assert!(!distance(&[1e300], &[1.0], function).is_finite());
    }

    #[test]
    fn what_are_no_two_vectors_of_one_length_is_undefined() {
        check(&[
            ("VectorDistance([1,2,3], [4,5])", "undefined"),
            ("VectorDistance([], [])", "undefined"),
            ("VectorDistance([0,0], [1,2])", "undefined"),
            ("VectorDistance([[1,2]], [[1,2]])", "undefined"),
            ("VectorDistance(undefined, [1])", "undefined"),
            ("VectorDistance([1], [1], 1)", "undefined"),
            ("VectorDistance([1], [1], true, {\"distanceFunction\":\"manhattan\"})", "undefined"),
        ]);
    }

    #[test]
    fn the_containers_embeddings_give_the_default_where_they_agree() {
        let embedding =
            |path: &str, distance| VectorEmbedding { path: path.into(), dimensions: 2, distance };
        let dot = embedding("/a", DistanceFunction::DotProduct);
        let euclidean = embedding("/b", DistanceFunction::Euclidean);
        let args = read_arguments("[3,0], [0,4]");
        for (vectors, expected) in
            [(vec![], 0.0), (vec![euclidean.clone()], 5.0), (vec![dot, euclidean], 0.0)]
        {
            let environment = Environment { vectors: &vectors, ..Environment::bare(UNIX_EPOCH) };
            assert_eq!(vector_distance(&args, &environment).as_f64(), Some(expected));
        }
    }
}
