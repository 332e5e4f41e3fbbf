//! The client against the emulator as its opponent, by the number of each scenario in the list of scenarios.
//!
//! [`world`] is the set-up that they share; a file holds a section of the list. What needs answers that the emulator
//! does not give is in `fire`, on a scripted account.

mod front;
mod log;
mod wire;
mod world;

mod change_feed;
mod hierarchical_keys;
mod metadata;
mod port;
mod queries;
mod recreation;
mod regions;
mod sessions;
mod splits;
mod splits_of_queries;
mod writes;
