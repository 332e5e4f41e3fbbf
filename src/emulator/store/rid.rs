//! Resource ids: Base64 with `-` for `/`, each beginning with the bytes of the resource above it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What a child of a container is; it stands in the high half of the last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Item = 0x00,
    Conflict = 0x40,
    PartitionKeyRange = 0x50,
    UserFunction = 0x60,
    Trigger = 0x70,
    StoredProcedure = 0x80,
}

/// The bytes of a container's rid: four of the database, four of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContainerRid([u8; 8]);

/// The text of a rid.
pub(crate) fn text(bytes: &[u8]) -> String {
    STANDARD.encode(bytes).replace('/', "-")
}

/// The bytes of a rid; `None` if the text is not one.
pub(crate) fn bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.replace('-', "/")).ok()
}

/// Whether a text can be the rid of a database.
pub(crate) fn is_database(text: &str) -> bool {
    text.len() == 8 && bytes(text).is_some_and(|it| it.len() == 4)
}

/// The rid of the `number`th database. Multiplying by an odd number keeps them apart and makes them look like rids.
pub(crate) fn database(number: u32) -> [u8; 4] {
    let [_, a, b, c] = (number.wrapping_mul(0x009e_3779) & 0x00ff_ffff).to_be_bytes();
    [a, b, c, 0]
}

/// The rid of the `number`th user of a database.
pub(crate) fn user(database: [u8; 4], number: u32) -> [u8; 8] {
    join(database, number.wrapping_mul(0x1e37_79b1) & 0x7fff_ffff)
}

/// The rid of the `number`th permission of a user.
pub(crate) fn permission(user: [u8; 8], number: u64) -> String {
    let mut bytes = user.to_vec();
    bytes.extend(number.wrapping_mul(0x9e37_79b1).to_le_bytes());
    text(&bytes)
}

/// The rid of the `number`th offer of the account.
pub(crate) fn offer(number: u32) -> String {
    let [_, a, b, c] = (number.wrapping_mul(0x0085_ebcb) & 0x00ff_ffff).to_be_bytes();
    text(&[a, b, c])
}

fn join(database: [u8; 4], child: u32) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&database);
    bytes[4..].copy_from_slice(&child.to_be_bytes());
    bytes
}

impl ContainerRid {
    /// The rid of the `number`th container of a database.
    pub(crate) fn new(database: [u8; 4], number: u32) -> Self {
        Self(join(database, number.wrapping_mul(0x1e37_79b1) & 0x7fff_ffff | 0x8000_0000))
    }

    pub(crate) fn text(self) -> String {
        text(&self.0)
    }

    /// As a number, which the query engine carries along in its tokens.
    pub(crate) fn as_number(self) -> u64 {
        u64::from_be_bytes(self.0)
    }

    /// The rid of a child.
    pub(crate) fn child(self, kind: Kind, number: u64) -> String {
        let mut bytes = self.0.to_vec();
        bytes.extend((number | (kind as u64) << 56).to_le_bytes());
        text(&bytes)
    }

    /// The number of the item with this rid; `None` if it is not an item of this container.
    pub(crate) fn item_number(self, rid: &str) -> Option<u64> {
        let bytes = bytes(rid)?;
        let own = bytes.strip_prefix(&self.0)?;
        let number = u64::from_le_bytes(own.try_into().ok()?);
        (number >> 56 == Kind::Item as u64).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rids_nest_and_tell_their_kind() {
        let container = ContainerRid::new(database(1), 1);
        assert!(is_database(&text(&database(1))));
        assert!(bytes(&container.text()).unwrap()[4] & 0x80 != 0);
        let item = container.child(Kind::Item, 1000);
        assert_eq!(container.item_number(&item), Some(1000));
        assert_eq!(container.item_number(&container.child(Kind::Trigger, 1)), None);
        assert_eq!(ContainerRid::new(database(2), 1).item_number(&item), None);
        let known = ContainerRid([0x0c, 0x90, 0x7b, 0, 0xa8, 0xcd, 0x21, 0x44]);
        assert_eq!(known.child(Kind::Item, 1000), "DJB7AKjNIUToAwAAAAAAAA==");
    }

    #[test]
    fn thousands_of_databases_have_different_rids() {
        let rids: std::collections::HashSet<_> = (1..5000).map(database).collect();
        assert_eq!(rids.len(), 4999);
    }
}
