//! Tests of the whole account, by way of its transport.

mod hosted;
mod support;
