//! The resident memory of this process.

use std::error::Error;

/// The peak so far, in KiB.
pub fn peak() -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"));
    let number = line.and_then(|it| it.split_whitespace().next()).ok_or("no VmHWM")?;
    Ok(number.parse()?)
}

pub fn megabytes(kibibytes: f64) -> String {
    format!("{:.1} MB", kibibytes * 1024.0 / 1e6)
}
