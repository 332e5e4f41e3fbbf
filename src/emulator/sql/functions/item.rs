//! Functions of a whole item.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Function;
use crate::emulator::sql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[row!("DOCUMENTID", 1..=1, document_id)];

/// The number of the item within its physical partition: the last eight bytes of its resource id.
fn document_id(args: &[Value]) -> Option<u64> {
    let rid = args.first()?.as_object()?.get("_rid")?.as_str()?.replace('-', "/");
    let bytes = STANDARD.decode(rid).ok()?;
    let number = bytes.get(8..16)?.try_into().ok()?;
    Some(u64::from_le_bytes(number))
}

#[cfg(test)]
mod tests {
    use crate::emulator::sql::functions::tests::check;

    #[test]
    fn the_document_id_is_read_from_the_resource_id() {
        check(&[
            ("DOCUMENTID({\"_rid\":\"36ZyAPW+uN8NAAAAAAAAAA==\"})", "13"),
            ("DOCUMENTID({\"_rid\":\"36ZyAPW+uN8=\"})", "undefined"),
            ("DOCUMENTID({\"_rid\":\"?\"})", "undefined"),
            ("DOCUMENTID({\"id\":\"1\"})", "undefined"),
            ("DOCUMENTID(\"36ZyAPW+uN8NAAAAAAAAAA==\")", "undefined"),
        ]);
    }
}
