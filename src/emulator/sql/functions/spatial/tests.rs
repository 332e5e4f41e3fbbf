//! The functions on geometries.

use crate::emulator::sql::functions::tests::{call, check, check_about};

const SQUARE: &str =
    r#"{"type":"Polygon","coordinates":[[[31.8,-5],[32,-5],[32,-4.7],[31.8,-4.7],[31.8,-5]]]}"#;
const CLOCKWISE: &str =
    r#"{"type":"Polygon","coordinates":[[[31.8,-5],[31.8,-4.7],[32,-4.7],[32,-5],[31.8,-5]]]}"#;
const RING: &str = r#"{"type":"Polygon","coordinates":[[[0,0],[10,0],[10,10],[0,10],[0,0]],[[4,4],[6,4],[6,6],[4,6],[4,4]]]}"#;
const TWO: &str = r#"{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,1],[0,1],[0,0]]],[[[5,5],[6,5],[6,6],[5,6],[5,5]]]]}"#;
const ARCTIC: &str =
    r#"{"type":"Polygon","coordinates":[[[0,80],[90,80],[180,80],[-90,80],[0,80]]]}"#;
const DATE_LINE: &str =
    r#"{"type":"Polygon","coordinates":[[[179,-1],[-179,-1],[-179,1],[179,1],[179,-1]]]}"#;

fn point(longitude: f64, latitude: f64) -> String {
    format!("{{\"type\":\"Point\",\"coordinates\":[{longitude},{latitude}]}}")
}

fn line(places: &str) -> String {
    format!("{{\"type\":\"LineString\",\"coordinates\":{places}}}")
}

#[test]
fn documented_distances_and_areas_come_out() {
    let here = point(-122.11758113953535, 47.66901087006131);
    let headquarters = point(-122.12826822304672, 47.63980239335718);
    let research = point(-96.84368664765994, 46.81297794314663);
    check_about(
        &[
            (&format!("ST_DISTANCE({headquarters}, {here})"), 3345.269817267368),
            (&format!("ST_DISTANCE({research}, {here})"), 1907438.421299902),
            (&format!("ST_AREA({SQUARE})"), 735970283.0522614),
        ],
        3e-8,
    );
    check(&[
        (&format!("ST_DISTANCE({here}, {here})"), "0"),
        (&format!("ST_DISTANCE({here}, 1)"), "undefined"),
        (&format!("ST_DISTANCE({here}, {})", point(100.0, 100.0)), "undefined"),
        (&format!("ST_AREA({here})"), "undefined"),
    ]);
}

#[test]
fn distances_of_lines_and_polygons_are_the_shortest() {
    let degree = 111_319.490_793;
    let meridian = line("[[10,-5],[10,5]]");
    check_about(
        &[
            (&format!("ST_DISTANCE({}, {meridian})", point(11.0, 0.0)), degree),
            (&format!("ST_DISTANCE({meridian}, {})", point(8.0, 0.0)), 2.0 * degree),
            (&format!("ST_DISTANCE({meridian}, {})", line("[[12,0],[13,1]]")), 2.0 * degree),
            (&format!("ST_DISTANCE({}, {TWO})", point(-1.0, 0.0)), degree),
            (&format!("ST_DISTANCE({}, {DATE_LINE})", point(178.0, 0.0)), degree),
        ],
        1e-5,
    );
    let near_edge_of_hole = call("ST_DISTANCE", &format!("{}, {RING}", point(5.0, 5.9)));
    assert!((10_000.0..12_000.0).contains(&near_edge_of_hole.as_f64().unwrap()));
    check(&[
        (&format!("ST_DISTANCE({}, {RING})", point(2.0, 2.0)), "0"),
        (&format!("ST_DISTANCE({meridian}, {})", line("[[9,0],[11,0]]")), "0"),
    ]);
}

#[test]
fn areas_know_holes_poles_and_direction() {
    let earth = 510_065_621_724_088.0;
    check_about(
        &[
            (&format!("ST_AREA({CLOCKWISE})"), earth - 735970283.0522614),
            (&format!("ST_AREA({RING})"), 1.18e12),
            (&format!("ST_AREA({TWO})"), 1.2309e10 + 1.2250e10),
            (&format!("ST_AREA({ARCTIC})"), 2.50e12),
            (&format!("ST_AREA({DATE_LINE})"), 4.924e10),
        ],
        2e-2,
    );
}

#[test]
fn points_lie_within_polygons_but_not_on_their_edge() {
    let campus = r#"{"type":"Polygon","coordinates":[[[-122.13236581015025,47.64606476313813],[-122.13221982500913,47.633757091363975],[-122.11840598103835,47.641749416109235],[-122.12061400629656,47.64589264786028],[-122.13236581015025,47.64606476313813]]]}"#;
    for (longitude, latitude, polygon, within, intersects) in [
        (-122.12824857332558, 47.6395516675712, campus, "true", "true"),
        (31.9, -4.8, SQUARE, "true", "true"),
        (10.0, 10.0, SQUARE, "false", "false"),
        (31.8, -4.8, SQUARE, "false", "true"),
        (32.0, -5.0, SQUARE, "false", "true"),
        (31.9, -4.8, CLOCKWISE, "false", "false"),
        (10.0, 10.0, CLOCKWISE, "true", "true"),
        (-148.1, 4.8, CLOCKWISE, "true", "true"),
        (-148.1, 4.8, SQUARE, "false", "false"),
        (2.0, 2.0, RING, "true", "true"),
        (5.0, 5.0, RING, "false", "false"),
        (4.0, 5.0, RING, "false", "true"),
        (5.5, 5.5, TWO, "true", "true"),
        (3.0, 3.0, TWO, "false", "false"),
        (45.0, 89.0, ARCTIC, "true", "true"),
        (0.0, 90.0, ARCTIC, "true", "true"),
        (45.0, -89.0, ARCTIC, "false", "false"),
        (180.0, 0.5, DATE_LINE, "true", "true"),
        (0.0, 0.5, DATE_LINE, "false", "false"),
    ] {
        let point = point(longitude, latitude);
        check(&[
            (&format!("ST_WITHIN({point}, {polygon})"), within),
            (&format!("ST_INTERSECTS({point}, {polygon})"), intersects),
            (&format!("ST_INTERSECTS({polygon}, {point})"), intersects),
        ]);
    }
}

#[test]
fn lines_and_polygons_cross_and_contain_each_other() {
    let polygon = |places: &str| format!("{{\"type\":\"Polygon\",\"coordinates\":[{places}]}}");
    let small = polygon("[[1,1],[3,1],[3,3],[1,3],[1,1]]");
    let over_hole = polygon("[[3,3],[7,3],[7,7],[3,7],[3,3]]");
    let in_hole = polygon("[[4.5,4.5],[5,4.5],[5,5],[4.5,5],[4.5,4.5]]");
    for (a, b, within, intersects) in [
        (small.as_str(), RING, "true", "true"),
        (RING, small.as_str(), "false", "true"),
        (over_hole.as_str(), RING, "false", "true"),
        (in_hole.as_str(), RING, "false", "false"),
        (&line("[[1,1],[2,2]]"), RING, "true", "true"),
        (&line("[[1,1],[9,9]]"), RING, "false", "true"),
        (&line("[[-1,5],[11,5]]"), RING, "false", "true"),
        (&line("[[-1,-5],[-1,15]]"), RING, "false", "false"),
        (&line("[[0,0],[0,5]]"), &line("[[0,-1],[0,9]]"), "true", "true"),
        (&line("[[-1,0],[1,0]]"), &line("[[0,-1],[0,1]]"), "false", "true"),
        (&line("[[-1,0],[1,0]]"), &line("[[180,-1],[180,1]]"), "false", "false"),
        (&point(0.0, 0.5), &line("[[0,-1],[0,1]]"), "true", "true"),
        (&point(0.0, 0.5), &point(0.0, 0.5), "true", "true"),
        (&point(0.0, 0.5), &point(0.0, 0.6), "false", "false"),
    ] {
        check(&[
            (&format!("ST_WITHIN({a}, {b})"), within),
            (&format!("ST_INTERSECTS({a}, {b})"), intersects),
            (&format!("ST_INTERSECTS({b}, {a})"), intersects),
        ]);
    }
}

#[test]
fn invalid_geometries_are_told_with_their_reason() {
    let open = r#"{"type":"Polygon","coordinates":[[[31.8,-5],[31.8,-4.7],[32,-4.7],[32,-5]]]}"#;
    let bow = r#"{"type":"Polygon","coordinates":[[[0,0],[1,1],[1,0],[0,1],[0,0]]]}"#;
    let short = r#"{"type":"Polygon","coordinates":[[[0,0],[1,1],[0,0]]]}"#;
    for (geometry, reason) in [
        (point(-84.38876194345323, 33.75682784306348).as_str(), ""),
        (SQUARE, ""),
        (RING, ""),
        (TWO, ""),
        (ARCTIC, ""),
        (&line("[[0,0],[1,1,250]]"), ""),
        (
            &point(133.756827843063, -184.388761943453),
            "Latitude values must be between -90 and 90 degrees.",
        ),
        (&point(181.0, 0.0), "Longitude values must be between -180 and 180 degrees."),
        (
            open,
            "The Polygon input is not valid because the start and end points of the ring number 1 are not the same. Each ring of a polygon must have the same start and end points.",
        ),
        (bow, "The Polygon input is not valid because the ring number 1 intersects itself."),
        (
            short,
            "The Polygon input is not valid because the ring number 1 does not have enough points. Each ring of a polygon must have at least 4 points.",
        ),
        (&line("[[0,0]]"), "The LineString input must have at least 2 positions."),
        (
            r#"{"type":"Point","coordinates":["1",2]}"#,
            "A position must consist of a longitude and a latitude.",
        ),
        (r#"{"type":"Point"}"#, "The Point input has no coordinates."),
        (
            r#"{"type":"Polygon","coordinates":[[1,2]]}"#,
            "The coordinates are not nested as the type asks for.",
        ),
        (
            r#"{"type":"Circle","coordinates":[1,2]}"#,
            "The geometry type 'Circle' is not supported.",
        ),
        ("1", "The input is not a GeoJSON object with a type."),
    ] {
        let (valid, detailed) = if reason.is_empty() {
            ("true", "{\"valid\":true}".to_owned())
        } else {
            ("false", format!("{{\"valid\":false,\"reason\":\"{reason}\"}}"))
        };
        check(&[
            (&format!("ST_ISVALID({geometry})"), valid),
            (&format!("ST_ISVALIDDETAILED({geometry})"), &detailed),
        ]);
    }
    check(&[("ST_ISVALID(undefined)", "undefined")]);
}
