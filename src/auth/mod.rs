//! Who is asking: what proves it to the service, and when it was said.

pub(crate) mod connection_string;
mod date;
mod key;

pub(crate) use date::http_date;
pub(crate) use key::MasterKey;
