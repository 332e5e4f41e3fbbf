//! Connection strings, as the portal and the other SDKs write them.

use std::fmt;
use std::str::FromStr;

use crate::auth::MasterKey;
use crate::error::{Error, Result};

/// What a connection string says:
/// `AccountEndpoint=https://….documents.azure.com:443/;AccountKey=…;`.
#[derive(Clone)]
pub(crate) struct ConnectionString {
    pub(crate) endpoint: String,
    pub(crate) key: MasterKey,
    /// `DisableServerCertificateValidation=true`: certificates are not to be checked, for emulators.
    pub(crate) accepts_invalid_certificates: bool,
}

impl fmt::Debug for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionString").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl FromStr for ConnectionString {
    type Err = Error;

    /// Names are read in any case and order; those that are not known here are passed over.
    fn from_str(text: &str) -> Result<Self> {
        let mut endpoint = None;
        let mut key = None;
        let mut accepts_invalid_certificates = false;
        for (number, part) in text.split(';').enumerate() {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            // Keys end in `=`: only the first one separates.
            let (name, value) = part.split_once('=').ok_or_else(|| malformed(number + 1))?;
            let (name, value) = (name.trim(), value.trim());
            if name.eq_ignore_ascii_case("AccountEndpoint") {
                endpoint = Some(value.to_owned());
            } else if name.eq_ignore_ascii_case("AccountKey") {
                key = Some(value);
            } else if name.eq_ignore_ascii_case("DisableServerCertificateValidation") {
                accepts_invalid_certificates = truth(value)?;
            }
        }
        Ok(Self {
            endpoint: endpoint
                .filter(|it| !it.is_empty())
                .ok_or_else(|| missing("AccountEndpoint"))?,
            key: MasterKey::new(
                key.filter(|it| !it.is_empty()).ok_or_else(|| missing("AccountKey"))?,
            )?,
            accepts_invalid_certificates,
        })
    }
}

fn truth(value: &str) -> Result<bool> {
    match value {
        it if it.eq_ignore_ascii_case("true") => Ok(true),
        it if it.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(Error::credential(
            "DisableServerCertificateValidation in the connection string is neither true nor false",
        )),
    }
}

/// The part is told by its number, since its text may be a key.
fn malformed(number: usize) -> Error {
    Error::credential(format!(
        "part {number} of the connection string is not of the form Name=Value"
    ))
}

fn missing(name: &str) -> Error {
    Error::credential(format!("the connection string has no {name}=…"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_strings_are_read_in_any_order_and_case() {
        for (text, insecure) in [
            ("AccountEndpoint=https://a/;AccountKey=c2VjcmV0cw==;", false),
            ("AccountKey=c2VjcmV0cw==;AccountEndpoint=https://a/", false),
            (" accountendpoint = https://a/ ;; ACCOUNTKEY=c2VjcmV0cw== ;Database=x;", false),
            (
                "AccountEndpoint=https://a/;AccountKey=c2VjcmV0cw==;DisableServerCertificateValidation=True;",
                true,
            ),
            (
                "AccountEndpoint=https://a/;AccountKey=c2VjcmV0cw==;disableServerCertificateValidation=false",
                false,
            ),
        ] {
            let parsed: ConnectionString = text.parse().unwrap();
            assert_eq!(
                (parsed.endpoint.as_str(), parsed.accepts_invalid_certificates),
                ("https://a/", insecure)
            );
            let same_key = MasterKey::new("c2VjcmV0cw==").unwrap();
            assert_eq!(
                parsed.key.sign("GET", "dbs", "", "x"),
                same_key.sign("GET", "dbs", "", "x")
            );
            assert!(!format!("{parsed:?}").contains("c2Vj"));
        }
    }

    #[test]
    fn faults_are_named_and_the_key_is_not() {
        for (text, expected) in [
            ("", "no AccountEndpoint"),
            ("AccountKey=c2VjcmV0cw==", "no AccountEndpoint"),
            ("AccountEndpoint=https://a/", "no AccountKey"),
            ("AccountEndpoint=https://a/;AccountKey=", "no AccountKey"),
            ("AccountEndpoint=https://a/;c2VjcmV0cw", "part 2"),
            ("AccountEndpoint=https://a/;AccountKey=c2VjcmV0cw*", "not valid Base64"),
            ("DisableServerCertificateValidation=c2VjcmV0;", "neither true nor false"),
        ] {
            let error = text.parse::<ConnectionString>().unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(expected), "{text}: {shown}");
            assert!(!shown.contains("c2Vj"), "{shown}");
        }
    }
}
