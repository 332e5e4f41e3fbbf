//! What lies inside a polygon, and how large it is.
//!
//! The inside of the outer ring is to the left of its arcs, so that a clockwise ring stands for the rest of the earth.
//! A hole is the smaller side of its ring, whatever way that runs.

use std::f64::consts::{PI, TAU};

use super::ellipsoid::{
    Direction, TOUCH, angle, area_below, combine, cross, dot, minus, nearest, surface, unit,
    wrapped,
};
use super::geometry::{Polygon, arcs};

/// Where a place lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Location {
    Inside,
    Boundary,
    Outside,
}

/// Where the place lies in relation to the polygon.
pub(super) fn locate(place: Direction, polygon: &Polygon) -> Location {
    let on =
        |ring: &Vec<Direction>| arcs(ring).any(|arc| angle(place, nearest(place, arc)) <= TOUCH);
    if polygon.rings.iter().any(on) {
        return Location::Boundary;
    }
    let Some((outer, holes)) = polygon.rings.split_first() else { return Location::Outside };
    let inside =
        if is_clockwise(outer) { winding(place, outer) != -1 } else { winding(place, outer) == 1 };
    if inside && !holes.iter().any(|hole| in_smaller_side(place, hole)) {
        Location::Inside
    } else {
        Location::Outside
    }
}

fn in_smaller_side(place: Direction, ring: &[Direction]) -> bool {
    winding(place, ring) == if is_clockwise(ring) { -1 } else { 1 }
}

/// How often the ring runs around the place, less how often around its antipode.
fn winding(place: Direction, ring: &[Direction]) -> i32 {
    // Any two axes will do that span the plane on which the earth rests at the place, right before left.
    let axis = if place[2].abs() < 0.9 { [0.0, 0.0, 1.0] } else { [1.0, 0.0, 0.0] };
    let right = unit(cross(axis, place));
    let up = cross(place, right);
    let bearing = |it: Direction| dot(it, up).atan2(dot(it, right));
    let turn = arcs(ring).map(|(from, to)| wrapped(bearing(to) - bearing(from))).sum::<f64>();
    (turn / TAU).round() as i32
}

/// Whether the smaller side of the ring is to the right of its arcs.
fn is_clockwise(ring: &[Direction]) -> bool {
    let Some(&apex) = ring.first() else { return false };
    arcs(ring).map(|(a, b)| solid_angle(apex, a, b)).sum::<f64>() < 0.0
}

/// The part of the unit sphere within a triangle, positive if it runs counter-clockwise.
fn solid_angle(a: Direction, b: Direction, c: Direction) -> f64 {
    let volume = dot(a, cross(minus(b, a), minus(c, a)));
    2.0 * volume.atan2(1.0 + dot(a, b) + dot(b, c) + dot(c, a))
}

/// The area in square metres.
pub(super) fn area(polygon: &Polygon) -> f64 {
    let Some((outer, holes)) = polygon.rings.split_first() else { return 0.0 };
    let holes: f64 =
        holes.iter().map(|hole| ring_area(hole)).map(|it| it.min(surface() - it)).sum();
    (ring_area(outer) - holes).max(0.0)
}

/// The area to the left of the ring.
fn ring_area(ring: &[Direction]) -> f64 {
    let (mut area, mut turn) = (0.0, 0.0);
    for (below, change) in arcs(ring).map(area_below) {
        area -= below;
        turn += change;
    }
    // A ring around a pole leaves the half of the earth that its sum lacks.
    if turn.abs() > PI {
        area + surface() / 2.0
    } else if area < 0.0 && is_clockwise(ring) {
        area + surface()
    } else {
        area.abs()
    }
}

/// The place in the middle of an arc.
pub(super) fn middle((a, b): (Direction, Direction)) -> Direction {
    unit(combine(0.5, a, 0.5, b))
}
