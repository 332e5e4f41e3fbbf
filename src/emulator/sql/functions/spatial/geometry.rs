//! GeoJSON geometries, read from values.

use super::ellipsoid::{self, Direction};
use crate::emulator::sql::value::Value;

/// A geometry that the service knows.
#[derive(Debug)]
pub(super) enum Geometry {
    Point(Direction),
    Line(Vec<Direction>),
    Polygons(Vec<Polygon>),
}

/// Rings of at least four places, the last equal to the first. The first ring is the outer one, the others are holes.
#[derive(Debug)]
pub(super) struct Polygon {
    pub(super) rings: Vec<Vec<Direction>>,
}

/// Two places and the shortest arc between them.
pub(super) type Arc = (Direction, Direction);

/// The arcs between the places of a line or ring.
pub(super) fn arcs(places: &[Direction]) -> impl Iterator<Item = Arc> {
    places.iter().copied().zip(places.iter().copied().skip(1))
}

impl Geometry {
    /// Every arc of the geometry; a point is an arc without length.
    pub(super) fn arcs(&self) -> Vec<Arc> {
        match self {
            Self::Point(place) => vec![(*place, *place)],
            Self::Line(places) => arcs(places).collect(),
            Self::Polygons(polygons) => {
                polygons.iter().flat_map(|it| &it.rings).flat_map(|ring| arcs(ring)).collect()
            }
        }
    }

    pub(super) fn polygons(&self) -> &[Polygon] {
        match self {
            Self::Polygons(polygons) => polygons,
            Self::Point(_) | Self::Line(_) => &[],
        }
    }
}

/// The geometry, or what is wrong with it.
pub(super) fn parse(value: &Value) -> Result<Geometry, String> {
    let kind = value.get("type");
    let kind = kind.as_str().ok_or("The input is not a GeoJSON object with a type.")?;
    let coordinates = value.get("coordinates");
    let coordinates =
        coordinates.as_array().ok_or_else(|| format!("The {kind} input has no coordinates."))?;
    match kind {
        "Point" => place(coordinates).map(Geometry::Point),
        "LineString" => line(coordinates).map(Geometry::Line),
        "Polygon" => Ok(Geometry::Polygons(vec![polygon(coordinates)?])),
        "MultiPolygon" => {
            let polygons = coordinates.iter().map(|it| polygon(elements(it)?));
            polygons.collect::<Result<_, _>>().map(Geometry::Polygons)
        }
        _ => Err(format!("The geometry type '{kind}' is not supported.")),
    }
}

fn elements(value: &Value) -> Result<&[Value], String> {
    value.as_array().ok_or_else(|| "The coordinates are not nested as the type asks for.".into())
}

/// Longitude, latitude, and perhaps a height that nobody reads.
fn place(numbers: &[Value]) -> Result<Direction, String> {
    let numbers: Option<Vec<f64>> = numbers.iter().map(Value::as_f64).collect();
    let Some([longitude, latitude, ..]) = numbers.as_deref() else {
        return Err("A position must consist of a longitude and a latitude.".into());
    };
    if !(-90.0..=90.0).contains(latitude) {
        return Err("Latitude values must be between -90 and 90 degrees.".into());
    }
    if !(-180.0..=180.0).contains(longitude) {
        return Err("Longitude values must be between -180 and 180 degrees.".into());
    }
    Ok(ellipsoid::direction(*longitude, *latitude))
}

fn places(values: &[Value]) -> Result<Vec<Direction>, String> {
    values.iter().map(|it| place(elements(it)?)).collect()
}

fn line(values: &[Value]) -> Result<Vec<Direction>, String> {
    if values.len() < 2 {
        return Err("The LineString input must have at least 2 positions.".into());
    }
    places(values)
}

fn polygon(values: &[Value]) -> Result<Polygon, String> {
    if values.is_empty() {
        return Err("The Polygon input has no rings.".into());
    }
    let rings = values.iter().enumerate().map(|(index, it)| ring(index + 1, elements(it)?));
    Ok(Polygon { rings: rings.collect::<Result<_, _>>()? })
}

fn ring(number: usize, values: &[Value]) -> Result<Vec<Direction>, String> {
    let closed = values.first().is_some_and(|first| Some(first) == values.last());
    let ring = places(values)?;
    if !closed {
        return Err(format!(
            "The Polygon input is not valid because the start and end points of the ring number {number} are not the \
             same. Each ring of a polygon must have the same start and end points."
        ));
    }
    if ring.len() < 4 {
        return Err(format!(
            "The Polygon input is not valid because the ring number {number} does not have enough points. Each ring \
             of a polygon must have at least 4 points."
        ));
    }
    Ok(ring)
}
