//! The pages of the manual. Their code is tested.

/// From the first call to production.
#[doc = include_str!("../docs/guide.md")]
pub mod guide {}

/// The Python SDK's calls and this crate's, side by side.
#[doc = include_str!("../docs/from-python.md")]
pub mod from_python {}

/// How the crate is built: the life of a point read, file by file.
#[doc = include_str!("../docs/architecture.md")]
pub mod architecture {}

/// The account in memory, in process and on a port.
#[doc = include_str!("../docs/emulator.md")]
pub mod emulator {}

/// What was compared with the service, and what differs.
#[doc = include_str!("../docs/compatibility.md")]
pub mod compatibility {}

/// Tests on the emulator: yours, and this crate's own.
#[doc = include_str!("../docs/testing.md")]
pub mod testing {}

/// Which limit, scenario and behaviour has which test.
#[doc = include_str!("../docs/coverage.md")]
pub mod coverage {}
