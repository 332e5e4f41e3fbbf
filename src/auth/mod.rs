//! Who is asking: what proves it to the service, and when it was said.

mod connection_string;
mod date;
mod key;

use crate::error::Result;

pub(crate) use connection_string::ConnectionString;
pub(crate) use date::http_date;
pub(crate) use key::MasterKey;

/// What a client proves itself with.
#[derive(Debug)]
pub(crate) enum Credential {
    /// One of the account's keys: it may do everything.
    Key(MasterKey),
}

impl Credential {
    /// The value of the `authorization` header of a request.
    pub(crate) fn authorize(
        &self,
        verb: &str,
        resource_type: &str,
        link: &str,
        date: &str,
    ) -> Result<String> {
        match self {
            Self::Key(key) => Ok(key.sign(verb, resource_type, link, date)),
        }
    }
}
