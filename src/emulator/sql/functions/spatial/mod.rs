//! GeoJSON: distance, area, relations and validity of geometries on the WGS-84 ellipsoid.
//!
//! Edges are great elliptic arcs, where planes through the centre cut the surface; the service's documented results
//! agree with these and not with geodesics.

mod ellipsoid;
mod geometry;
mod polygon;
mod relation;
mod validity;

use self::geometry::Geometry;
use super::Function;
use crate::emulator::sql::value::{Object, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    row!("ST_AREA", 1..=1, area),
    row!("ST_DISTANCE", 2..=2, |args| both(args, relation::distance)),
    row!("ST_INTERSECTS", 2..=2, |args| both(args, relation::intersects)),
    row!("ST_ISVALID", 1..=1, |args| Some(problem(args)?.is_none())),
    row!("ST_ISVALIDDETAILED", 1..=1, is_valid_detailed),
    row!("ST_WITHIN", 2..=2, |args| both(args, relation::within)),
];

fn both<T>(args: &[Value], function: fn(&Geometry, &Geometry) -> T) -> Option<T> {
    let read = |index| geometry::parse(args.get(index)?).ok();
    Some(function(&read(0)?, &read(1)?))
}

fn area(args: &[Value]) -> Option<f64> {
    match geometry::parse(args.first()?).ok()? {
        Geometry::Polygons(polygons) => Some(polygons.iter().map(polygon::area).sum()),
        Geometry::Point(_) | Geometry::Line(_) => None,
    }
}

/// What is wrong with a geometry, if anything; undefined only where the argument is.
fn problem(args: &[Value]) -> Option<Option<String>> {
    let value = args.first().filter(|it| !it.is_undefined())?;
    Some(match geometry::parse(value) {
        Ok(geometry) => validity::problem(&geometry),
        Err(problem) => Some(problem),
    })
}

fn is_valid_detailed(args: &[Value]) -> Option<Value> {
    let mut details = Object::new();
    match problem(args)? {
        None => details.insert("valid", Value::Bool(true)),
        Some(reason) => {
            details.insert("valid", Value::Bool(false));
            details.insert("reason", Value::from(reason));
        }
    }
    Some(Value::from(details))
}

#[cfg(test)]
mod tests;
