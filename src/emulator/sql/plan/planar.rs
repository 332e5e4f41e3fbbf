//! Points and polygons in the plane, for containers whose geometries are flat.

use crate::emulator::sql::value::Value;

type Point = (f64, f64);

/// A polygon: its outer ring and its holes.
type Rings = Vec<Vec<Point>>;

/// `ST_DISTANCE` or `ST_WITHIN` of a point and a polygon; nothing for anything else.
pub(super) fn call(name: &str, args: &[Value]) -> Option<Value> {
    let [first, second] = args else { return None };
    if name.eq_ignore_ascii_case("ST_WITHIN") {
        return Some(Value::from(contains(&polygon(second)?, point(first)?)));
    }
    if !name.eq_ignore_ascii_case("ST_DISTANCE") {
        return None;
    }
    let (point, rings) = match (point(first), point(second)) {
        (Some(point), None) => (point, polygon(second)?),
        (None, Some(point)) => (point, polygon(first)?),
        _ => return None,
    };
    Some(Value::from(if contains(&rings, point) { 0.0 } else { distance(&rings, point)? }))
}

fn point(value: &Value) -> Option<Point> {
    if value.get("type").as_str() != Some("Point") {
        return None;
    }
    position(&value.get("coordinates"))
}

fn polygon(value: &Value) -> Option<Rings> {
    if value.get("type").as_str() != Some("Polygon") {
        return None;
    }
    let ring = |ring: &Value| ring.as_array()?.iter().map(position).collect();
    value.get("coordinates").as_array()?.iter().map(ring).collect()
}

fn position(value: &Value) -> Option<Point> {
    Some((value.at(0).as_f64()?, value.at(1).as_f64()?))
}

/// Whether a point is in the outer ring and in no hole: a ray from it crosses an odd number of edges.
fn contains(rings: &Rings, (x, y): Point) -> bool {
    let crossings = edges(rings).filter(|((x1, y1), (x2, y2))| {
        (*y1 > y) != (*y2 > y) && x < (x2 - x1) * (y - y1) / (y2 - y1) + x1
    });
    crossings.count() % 2 == 1
}

fn distance(rings: &Rings, point: Point) -> Option<f64> {
    edges(rings).map(|edge| to_edge(point, edge)).min_by(f64::total_cmp)
}

fn to_edge((x, y): Point, ((x1, y1), (x2, y2)): (Point, Point)) -> f64 {
    let (dx, dy) = (x2 - x1, y2 - y1);
    let length = dx * dx + dy * dy;
    let along = if length == 0.0 { 0.0 } else { ((x - x1) * dx + (y - y1) * dy) / length };
    let along = along.clamp(0.0, 1.0);
    (x - x1 - along * dx).hypot(y - y1 - along * dy)
}

fn edges(rings: &Rings) -> impl Iterator<Item = (Point, Point)> {
    rings.iter().flat_map(|ring| ring.iter().copied().zip(ring.iter().copied().skip(1)))
}
