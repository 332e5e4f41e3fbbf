//! What becomes of scripts that fail, in the service's words.

use super::Refusal;
use crate::emulator::scripts::Failure;
use crate::wire::sub_status;

impl Refusal {
    /// A script that failed, after operations that cost this much.
    pub(crate) fn script(failure: Failure, id: &str, charge: f64) -> Self {
        match failure {
            Failure::Compile(text) => {
                let text =
                    format!("Encountered exception while compiling Javascript. Exception = {text}");
                Self::replica(400, charge, &text).with_sub_status(sub_status::SCRIPT_COMPILE_ERROR)
            }
            Failure::Exception { text, stack, number } => {
                let mut message =
                    format!("Encountered exception while executing Javascript. Exception = {text}");
                if !stack.is_empty() {
                    message.push_str(&format!("\r\nStack trace: {text}\n{stack}"));
                }
                Self::replica(400, charge, &message).with_sub_status(number.unwrap_or_default())
            }
            Failure::Timeout => Self::replica(
                408,
                charge,
                "The requested operation exceeded maximum alloted time. Learn more: https://aka.ms/cosmosdb-tsg-service-request-timeout",
            ),
            Failure::Memory => Self::replica(
                403,
                charge,
                &format!("The script with id '{id}' used more memory than a script may have."),
            ),
        }
    }

    /// Somebody else wrote to the same items all the time.
    pub(crate) fn conflicting() -> Self {
        let text = "Conflicting request to resource has been attempted. Retry to avoid conflicts.";
        Self::replica(449, super::super::charge::REFUSED, text)
    }

    /// How scripts see it: `{"Errors":["…"]}`.
    pub(crate) fn as_script_error(&self) -> String {
        let message = self.0.message.as_deref().unwrap_or_default();
        match message.strip_prefix("Message: ") {
            Some(list) => list.to_owned(),
            None => {
                let list = super::wrapped(message);
                list.strip_prefix("Message: ").unwrap_or_default().to_owned()
            }
        }
    }
}
