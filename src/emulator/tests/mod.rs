//! Tests of the whole account, by way of its transport.

mod gathering;
mod hosted;
mod support;
