//! The client under fire: the scenarios that need no emulator, by their number in the list of scenarios.

mod account;
mod fault;

mod breaker;
mod consistency;
mod diagnostics;
mod faults;
mod hedging;
mod recreation;
mod routing;
mod sessions;
mod several_write_regions;
mod stored_procedures;
mod throttling;
mod write_region;
