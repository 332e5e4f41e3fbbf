//! The SQL engine: text and JSON in, JSON out. It stands alone and knows nothing of HTTP or partitions.
//!
//! In reading order: [`token`] and [`lexer`] cut the text, [`parser`] makes the tree of [`ast`], [`bind`] puts
//! parameters in and checks what can be checked without data, [`plan`] says how a client has to run the query over
//! many partitions, [`execute`] runs it over the items of one.

pub(crate) mod ast;
pub(crate) mod bind;
pub(crate) mod environment;
pub(crate) mod error;
mod expression;
pub(crate) mod functions;
mod lexer;
pub(crate) mod naming;
mod operand;
pub(crate) mod parser;
pub(crate) mod plan;
pub(crate) mod print;
mod token;
pub(crate) mod value;
pub(crate) mod walk;

#[cfg(test)]
mod fuzz;
