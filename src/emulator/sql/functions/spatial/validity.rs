//! What can be wrong with a geometry that has the right form.

use super::geometry::{Geometry, arcs};
use super::relation::cross_each_other;

/// Longer rings are not searched for arcs that cross, since the search is quadratic.
const MAX_SEARCHED: usize = 2_000;

/// Why the geometry is not valid; `None` if it is.
pub(super) fn problem(geometry: &Geometry) -> Option<String> {
    for polygon in geometry.polygons() {
        for (index, ring) in polygon.rings.iter().enumerate() {
            let arcs: Vec<_> = arcs(ring).take(MAX_SEARCHED).collect();
            let crosses = |(index, x)| arcs.iter().skip(index + 1).any(|y| cross_each_other(x, *y));
            if arcs.iter().copied().enumerate().any(crosses) {
                return Some(format!(
                    "The Polygon input is not valid because the ring number {} intersects itself.",
                    index + 1
                ));
            }
        }
    }
    None
}
