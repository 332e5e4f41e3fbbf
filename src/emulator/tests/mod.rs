//! Tests of the whole account, by way of its transport.

mod damaged;
mod hosted;
mod support;
