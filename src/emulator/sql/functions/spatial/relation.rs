//! How two geometries lie to each other.

use super::ellipsoid::{Direction, TOUCH, angle, arc_length, cross, dot, nearest};
use super::geometry::{Arc, Geometry, Polygon};
use super::polygon::{Location, locate, middle};

/// Whether the geometries have a place in common.
pub(super) fn intersects(a: &Geometry, b: &Geometry) -> bool {
    let (arcs_a, arcs_b) = (a.arcs(), b.arcs());
    arcs_a.iter().any(|x| arcs_b.iter().any(|y| meet(*x, *y)))
        || starts_inside(&arcs_a, b.polygons())
        || starts_inside(&arcs_b, a.polygons())
}

/// Where no arcs meet, one place of each part tells about the whole part.
fn starts_inside(arcs: &[Arc], polygons: &[Polygon]) -> bool {
    polygons
        .iter()
        .any(|polygon| arcs.iter().any(|(start, _)| locate(*start, polygon) == Location::Inside))
}

/// Whether the first geometry lies in the second, with more than its edge.
pub(super) fn within(a: &Geometry, b: &Geometry) -> bool {
    match b {
        Geometry::Polygons(polygons) => match a {
            Geometry::Polygons(parts) => parts.iter().all(|part| {
                let part = Geometry::Polygons(vec![Polygon { rings: part.rings.clone() }]);
                polygons.iter().any(|it| within_polygon(&part, it))
            }),
            Geometry::Point(_) | Geometry::Line(_) => {
                polygons.iter().any(|it| within_polygon(a, it))
            }
        },
        Geometry::Point(_) => matches!(a, Geometry::Point(_)) && intersects(a, b),
        Geometry::Line(_) => {
            let arcs = b.arcs();
            let on = |place| arcs.iter().any(|arc| touches(place, *arc));
            a.polygons().is_empty()
                && a.arcs().iter().all(|arc| on(arc.0) && on(middle(*arc)) && on(arc.1))
        }
    }
}

fn within_polygon(a: &Geometry, polygon: &Polygon) -> bool {
    if let Geometry::Point(place) = a {
        return locate(*place, polygon) == Location::Inside;
    }
    let container = Geometry::Polygons(vec![Polygon { rings: polygon.rings.clone() }]);
    let (inner, outer) = (a.arcs(), container.arcs());
    let covered = |place| locate(place, polygon) != Location::Outside;
    inner.iter().all(|arc| covered(arc.0) && covered(middle(*arc)) && covered(arc.1))
        && !inner.iter().any(|x| outer.iter().any(|y| cross_each_other(*x, *y)))
        && !a.polygons().iter().any(|it| encloses_edge(it, &outer))
}

/// Whether an edge of the container, of a hole then, lies inside the polygon.
fn encloses_edge(polygon: &Polygon, edges: &[Arc]) -> bool {
    edges.iter().any(|(start, _)| locate(*start, polygon) == Location::Inside)
}

/// The shortest distance in metres.
pub(super) fn distance(a: &Geometry, b: &Geometry) -> f64 {
    if let (Geometry::Point(a), Geometry::Point(b)) = (a, b) {
        return arc_length(*a, *b);
    }
    if intersects(a, b) {
        return 0.0;
    }
    let (arcs_a, arcs_b) = (a.arcs(), b.arcs());
    let least = pairs(&arcs_a, &arcs_b).map(|(p, q)| angle(p, q)).fold(f64::INFINITY, f64::min);
    // The earth is flattened by a third of a percent: so much more may an angle be and still be shorter in metres.
    pairs(&arcs_a, &arcs_b)
        .filter(|(p, q)| angle(*p, *q) <= least * 1.007)
        .map(|(p, q)| arc_length(p, q))
        .fold(f64::INFINITY, f64::min)
}

/// For every end of an arc and every arc of the other side, the end and the place on the arc nearest to it.
fn pairs(a: &[Arc], b: &[Arc]) -> impl Iterator<Item = (Direction, Direction)> {
    let ends = |arc: &Arc| [arc.0, arc.1];
    let forth =
        a.iter().flat_map(ends).flat_map(|end| b.iter().map(move |it| (end, nearest(end, *it))));
    let back =
        b.iter().flat_map(ends).flat_map(|end| a.iter().map(move |it| (end, nearest(end, *it))));
    forth.chain(back)
}

/// Whether two arcs have a place in common, be it an end.
fn meet(x: Arc, y: Arc) -> bool {
    cross_each_other(x, y)
        || touches(x.0, y)
        || touches(x.1, y)
        || touches(y.0, x)
        || touches(y.1, x)
}

fn touches(place: Direction, arc: Arc) -> bool {
    angle(place, nearest(place, arc)) <= TOUCH
}

/// Whether two arcs cross at a place that is an end of neither.
pub(super) fn cross_each_other((a, b): Arc, (c, d): Arc) -> bool {
    let side = |u, v, w| dot(u, cross(v, w));
    let sides = [side(a, c, b), side(c, b, d), side(b, d, a), side(d, a, c)];
    let clear = [(a, (c, d)), (b, (c, d)), (c, (a, b)), (d, (a, b))];
    (sides.iter().all(|it| *it > 0.0) || sides.iter().all(|it| *it < 0.0))
        && !clear.iter().any(|(end, arc)| touches(*end, *arc))
}
