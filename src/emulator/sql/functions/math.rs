//! Arithmetic on doubles. A result that is not finite is left to whoever writes it out.

use std::f64::consts::PI;

use ring::rand::{SecureRandom, SystemRandom};

use super::Function;
use super::arguments::{number, optional};
use crate::emulator::sql::value::{Number, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    row!("ABS", 1..=1, abs),
    row!("ACOS", 1..=1, |args| unary(args, f64::acos)),
    row!("ASIN", 1..=1, |args| unary(args, f64::asin)),
    row!("ATAN", 1..=1, |args| unary(args, f64::atan)),
    row!("ATN2", 2..=2, |args| Some(number(args, 0)?.atan2(number(args, 1)?))),
    row!("CEILING", 1..=1, |args| rounded(args, f64::ceil)),
    row!("COS", 1..=1, |args| unary(args, f64::cos)),
    row!("COT", 1..=1, |args| unary(args, |it| 1.0 / it.tan())),
    row!("DEGREES", 1..=1, |args| unary(args, |it| it * (180.0 / PI))),
    row!("EXP", 1..=1, |args| unary(args, f64::exp)),
    row!("FLOOR", 1..=1, |args| rounded(args, f64::floor)),
    row!("LOG", 1..=2, log),
    row!("LOG10", 1..=1, |args| unary(args, f64::log10)),
    row!("NumberBin", 1..=2, bin),
    row!("PI", 0..=0, |_| Some(PI)),
    row!("POWER", 2..=2, |args| Some(number(args, 0)?.powf(number(args, 1)?))),
    row!("RADIANS", 1..=1, |args| unary(args, |it| it * PI / 180.0)),
    row!("RAND", 0..=0, |_| random()),
    row!("ROUND", 1..=1, |args| rounded(args, f64::round)),
    row!("SIGN", 1..=1, |args| unary(args, sign)),
    row!("SIN", 1..=1, |args| unary(args, f64::sin)),
    row!("SQRT", 1..=1, |args| unary(args, f64::sqrt)),
    row!("SQUARE", 1..=1, |args| unary(args, |it| it * it)),
    row!("TAN", 1..=1, |args| unary(args, f64::tan)),
    row!("TRUNC", 1..=1, |args| rounded(args, f64::trunc)),
];

fn unary(args: &[Value], function: fn(f64) -> f64) -> Option<f64> {
    number(args, 0).map(function)
}

/// Integers stay as they are, also those that a double cannot hold.
fn rounded(args: &[Value], function: fn(f64) -> f64) -> Option<Value> {
    Some(match args.first()?.as_number()? {
        Number::Float(value) => Value::from(function(value)),
        integer => Value::Number(integer),
    })
}

fn abs(args: &[Value]) -> Option<Value> {
    Some(match args.first()?.as_number()? {
        Number::Float(value) => Value::from(value.abs()),
        Number::Int(value) => Value::from(value.unsigned_abs()),
        Number::UInt(value) => Value::from(value),
    })
}

/// Unlike `signum`, zero of zero.
fn sign(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value.signum() }
}

fn log(args: &[Value]) -> Option<f64> {
    let value = number(args, 0)?;
    if args.len() == 1 {
        return Some(value.ln());
    }
    let base = number(args, 1)?;
    // The dedicated logarithms are exact where the quotient of two rounded ones is not.
    Some(match base {
        2.0 => value.log2(),
        10.0 => value.log10(),
        _ => value.ln() / base.ln(),
    })
}

fn bin(args: &[Value]) -> Option<f64> {
    let (value, size) = (number(args, 0)?, optional(args, 1, 1.0, number)?);
    (size != 0.0).then(|| (value / size).floor() * size)
}

/// A number from 0 up to, but not including, 1.
fn random() -> Option<f64> {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).ok()?;
    let bits = u64::from_le_bytes(bytes) >> 11;
    Some(bits as f64 / (1u64 << 53) as f64)
}

#[cfg(test)]
#[expect(clippy::approx_constant, reason = "results as they are documented")]
mod tests {
    use crate::emulator::sql::functions::tests::{call, check, check_about};

    #[test]
    fn documented_results_come_out() {
        check_about(
            &[
                ("ACOS(-1)", 3.141592653589793),
                ("ASIN(-1)", -1.5707963267948966),
                ("ATAN(-45.01)", -1.5485826962062663),
                ("ATN2(35.175643, 129.44)", 0.265344532064832),
                ("COS(14.78)", -0.5994654261946543),
                ("COT(124.1332)", -0.040311998371148884),
                ("EXP(10)", 22026.465794806718),
                ("LOG(5)", 1.6094379124341003),
                ("LOG(2, 10)", 0.3010299956639812),
                ("LOG(8, 3)", 1.892789260714372),
                ("LOG10(5)", 0.6989700043360189),
                ("PI()", 3.141592653589793),
                ("RADIANS(270)", 4.71238898038469),
                ("SIN(45.175643)", 0.929607286611012),
                ("SQRT(2.0)", 1.4142135623730951),
                ("TAN(1.5707963267948966)", 16331239353195370.0),
                ("TAN(124.1332)", -24.80651023035602),
            ],
            1e-14,
        );
        check(&[
            ("ABS(-1)", "1"),
            ("ABS(-9223372036854775808)", "9223372036854775808"),
            ("CEILING(123.45)", "124"),
            ("CEILING(-45.72)", "-45"),
            ("CEILING(-0.5)", "0"),
            ("DEGREES(1.5707963267948966)", "90"),
            ("DEGREES(3.141592653589793)", "180"),
            ("DEGREES(4.71238898038469)", "270"),
            ("DEGREES(6.283185307179586)", "360"),
            ("FLOOR(9007199254740993)", "9007199254740993"),
            ("LOG10(100)", "2"),
            ("POWER(5, 5)", "3125"),
            ("POWER(2.5, 3)", "15.625"),
            ("POWER(null, 3)", "undefined"),
            ("ROUND(2.5)", "3"),
            ("ROUND(-2.5)", "-3"),
            ("ROUND(-2.4)", "-2"),
            ("SIGN(-2)", "-1"),
            ("SIGN(0)", "0"),
            ("SIGN(0.1)", "1"),
            ("SQUARE(-3)", "9"),
            ("TRUNC(-2.78)", "-2"),
            ("TRUNC(0.0000714)", "0"),
        ]);
    }

    #[test]
    fn numbers_fall_into_bins_of_any_size_but_zero() {
        check(&[
            ("NumberBin(37.752, -100)", "100"),
            ("NumberBin(37.752, 10)", "30"),
            ("NumberBin(37.752)", "37"),
            ("NumberBin(37.752, 0)", "undefined"),
            ("NumberBin(37.752, 0.1)", "37.7"),
            ("NumberBin(37.752, 0.01)", "37.75"),
            ("NumberBin(-37.752, 10)", "-40"),
        ]);
    }

    #[test]
    fn what_is_no_number_has_no_result_and_infinity_is_kept() {
        for function in super::FUNCTIONS.iter().filter(|it| it.min == 1) {
            for argument in ["\"1\"", "null", "true", "[1]", "{}", "undefined"] {
                check(&[(&format!("{}({argument})", function.name), "undefined")]);
            }
        }
        check(&[("SQRT(-1)", "NaN"), ("EXP(1000)", "Infinity"), ("LOG(0)", "-Infinity")]);
    }

    #[test]
    fn random_numbers_differ_and_stay_below_one() {
        let numbers: Vec<_> = (0..64).map(|_| call("RAND", "").as_f64().unwrap()).collect();
        assert!(numbers.iter().all(|it| (0.0..1.0).contains(it)));
        assert!(numbers.windows(2).any(|pair| pair[0] != pair[1]));
    }
}
