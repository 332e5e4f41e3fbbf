//! Who is asking: what proves it to the service, and when it was said.

mod connection_string;
mod date;
mod key;
mod permission_token;
mod token_set;
mod token_source;

pub(crate) use connection_string::ConnectionString;
pub(crate) use date::http_date;
pub(crate) use key::MasterKey;
pub use permission_token::PermissionToken;
pub(crate) use token_set::{Reach, TokenSet, Wanted};
pub(crate) use token_source::{TokenSource, not_provided};

/// What a client proves itself with.
#[derive(Debug)]
pub(crate) enum Credential {
    /// One of the account's keys: it may do everything.
    Key(MasterKey),
    /// Tokens of permissions, each for one resource and for a while.
    Tokens(TokenSource),
}
