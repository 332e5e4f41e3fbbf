//! The client and its default transport over real sockets, with a proxy between them and the emulator that breaks
//! connections at every point of an exchange.

mod operation;
mod proxy;
mod relay;
mod wire;

mod form;
mod outcomes;
mod pool;
mod tls;
mod truncation;
