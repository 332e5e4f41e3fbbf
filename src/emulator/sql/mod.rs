//! The SQL engine: text and JSON in, JSON out. It stands alone and knows nothing of HTTP or partitions.
//!
//! In reading order: [`token`] and [`lexer`] cut the text, [`parser`] makes the tree of [`ast`], [`bind`] puts
//! parameters in and checks what can be checked without data, [`plan`] says how a client has to run the query over
//! many partitions, [`execute`] runs it over the items of one: [`compile`] makes a [`program`] of the tree, [`source`]
//! makes rows of the items, [`eval`] computes expressions for a row, [`candidate`] collects what has to be sorted or
//! grouped, and [`page`] is filled.

mod aggregate;
pub(crate) mod ast;
pub(crate) mod bind;
mod candidate;
mod compile;
mod distinct;
mod document;
pub(crate) mod environment;
pub(crate) mod error;
mod eval;
pub(crate) mod execute;
mod expression;
pub(crate) mod functions;
mod json;
mod lexer;
mod like;
mod measure;
pub(crate) mod naming;
mod operand;
mod operators;
mod order;
mod page;
pub(crate) mod parser;
pub(crate) mod plan;
pub(crate) mod print;
mod program;
mod project;
mod rank;
mod resume;
mod scan;
mod sequence;
mod source;
mod subquery;
mod token;
pub(crate) mod value;
mod vector;
pub(crate) mod walk;

#[cfg(test)]
mod fuzz;
