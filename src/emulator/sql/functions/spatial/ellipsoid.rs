//! The WGS-84 ellipsoid: directions from its centre, lengths of arcs and areas below them.

use std::f64::consts::{PI, TAU};

/// Half the long axis, in metres.
const A: f64 = 6_378_137.0;
const FLATTENING: f64 = 1.0 / 298.257_223_563;
/// Half the short axis, in metres.
const B: f64 = A * (1.0 - FLATTENING);
/// The square of the eccentricity.
const E2: f64 = FLATTENING * (2.0 - FLATTENING);

/// Two arcs nearer than this many radians touch: a few micrometres.
pub(super) const TOUCH: f64 = 1e-12;

/// Nodes and weights of the Gauss-Legendre rule with eight points, the positive half.
const GAUSS: [(f64, f64); 4] = [
    (0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.525_532_409_916_329, 0.313_706_645_877_887_3),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_47),
    (0.960_289_856_497_536_3, 0.101_228_536_290_376_26),
];

/// A direction from the centre of the earth: of length one, the z axis through the north pole.
pub(super) type Direction = [f64; 3];

/// The direction of a place given in degrees.
pub(super) fn direction(longitude: f64, latitude: f64) -> Direction {
    let (sin_lat, cos_lat) = latitude.to_radians().sin_cos();
    let (sin_lon, cos_lon) = longitude.to_radians().sin_cos();
    unit([cos_lat * cos_lon, cos_lat * sin_lon, (1.0 - E2) * sin_lat])
}

pub(super) fn dot(u: Direction, v: Direction) -> f64 {
    u[0] * v[0] + u[1] * v[1] + u[2] * v[2]
}

pub(super) fn cross(u: Direction, v: Direction) -> Direction {
    [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]]
}

pub(super) fn minus(u: Direction, v: Direction) -> Direction {
    combine(1.0, u, -1.0, v)
}

/// `a * u + b * v`
pub(super) fn combine(a: f64, u: Direction, b: f64, v: Direction) -> Direction {
    [a * u[0] + b * v[0], a * u[1] + b * v[1], a * u[2] + b * v[2]]
}

pub(super) fn unit(v: Direction) -> Direction {
    let length = dot(v, v).sqrt();
    if length > 0.0 { v.map(|it| it / length) } else { v }
}

/// The angle between two directions, in radians.
pub(super) fn angle(u: Direction, v: Direction) -> f64 {
    let normal = cross(u, v);
    dot(normal, normal).sqrt().atan2(dot(u, v))
}

/// The point of the arc from `a` to `b` that is nearest to `p`.
pub(super) fn nearest(p: Direction, (a, b): (Direction, Direction)) -> Direction {
    let normal = cross(a, b);
    if dot(normal, normal) > 0.0 {
        let normal = unit(normal);
        let foot = unit(combine(1.0, p, -dot(p, normal), normal));
        if dot(cross(a, foot), normal) >= 0.0 && dot(cross(foot, b), normal) >= 0.0 {
            return foot;
        }
    }
    if angle(p, a) <= angle(p, b) { a } else { b }
}

/// The length of the arc between two directions, in metres.
pub(super) fn arc_length(u: Direction, v: Direction) -> f64 {
    let end = angle(u, v);
    let sideways = perpendicular(u, v);
    integrate(0.0, end, |t| {
        let (sin, cos) = t.sin_cos();
        let place = combine(cos, u, sin, sideways);
        let change = combine(-sin, u, cos, sideways);
        // The radius is 1/sqrt(q), and the speed follows from it and its derivative.
        let q = scaled(place, place);
        let dq = 2.0 * scaled(place, change);
        (1.0 / q + dq * dq / (4.0 * q * q * q)).sqrt()
    })
}

/// The direction at right angles to `u` on the way to `v`; over a pole where `v` does not tell the way.
fn perpendicular(u: Direction, v: Direction) -> Direction {
    [v, [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
        .into_iter()
        .map(|goal| combine(1.0, goal, -dot(goal, u), u))
        .find(|way| dot(*way, *way) > 1e-24)
        .map_or([0.0; 3], unit)
}

fn scaled(u: Direction, v: Direction) -> f64 {
    (u[0] * v[0] + u[1] * v[1]) / (A * A) + u[2] * v[2] / (B * B)
}

/// The area between the equator and the arc, in square metres: positive to the north when the arc goes east.
/// Comes with the change of longitude.
pub(super) fn area_below((u, v): (Direction, Direction)) -> (f64, f64) {
    let (start, end) = (u[1].atan2(u[0]), v[1].atan2(v[0]));
    let change = wrapped(end - start);
    let normal = cross(u, v);
    if normal[2] == 0.0 {
        return (0.0, change);
    }
    // Short pieces, for an arc that passes near a pole turns quickly.
    let pieces = (change.abs() / 0.04).ceil().max(1.0);
    let mut area = 0.0;
    for piece in 0..pieces as u32 {
        let from = start + change * f64::from(piece) / pieces;
        area += integrate(from, from + change / pieces, |longitude| {
            let (sin, cos) = longitude.sin_cos();
            let tangent = -(normal[0] * cos + normal[1] * sin) / normal[2];
            strip((tangent / (1.0 - E2)).atan())
        });
    }
    (area, change)
}

/// The area of the whole surface.
pub(super) fn surface() -> f64 {
    2.0 * TAU * strip(PI / 2.0)
}

/// The area between the equator and a latitude, for one radian of longitude.
fn strip(latitude: f64) -> f64 {
    let sine = latitude.sin();
    let e = E2.sqrt();
    B * B / 2.0 * (sine / (1.0 - E2 * sine * sine) + (e * sine).atanh() / e)
}

/// An angle brought between minus and plus half a turn.
pub(super) fn wrapped(angle: f64) -> f64 {
    if angle > PI {
        angle - TAU
    } else if angle < -PI {
        angle + TAU
    } else {
        angle
    }
}

fn integrate(from: f64, to: f64, function: impl Fn(f64) -> f64) -> f64 {
    let (middle, half) = (f64::midpoint(from, to), (to - from) / 2.0);
    let pair = |node: f64| function(middle + half * node) + function(middle - half * node);
    GAUSS.iter().map(|(node, weight)| weight * pair(*node)).sum::<f64>() * half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_lengths_and_areas_come_out() {
        let equator = direction(0.0, 0.0);
        for (place, metres) in [
            (direction(90.0, 0.0), A * PI / 2.0),
            (direction(0.0, 90.0), 10_001_965.729_3),
            (direction(180.0, 0.0), 20_003_931.458_6),
            (equator, 0.0),
        ] {
            assert!((arc_length(equator, place) - metres).abs() < 1e-3, "{metres}");
        }
        assert!((surface() - 510_065_621_724_088.0).abs() < 1e3);
    }
}
