//! Quotas and usage, as response headers tell them.

/// Limits of a resource, or how much of them is used: names with numbers.
///
/// Sizes are in kilobytes; `-1` means without limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quota(Vec<(String, i64)>);

impl Quota {
    /// Reads `functions=25;collectionSize=10485760;`. What is not a name with a whole number is passed over.
    pub(crate) fn parse(text: &str) -> Self {
        let entries = text.split(';').filter_map(|part| {
            let (name, value) = part.split_once('=')?;
            Some((name.trim().to_owned(), value.trim().parse().ok()?))
        });
        Self(entries.collect())
    }

    /// The number of this name, such as `collectionSize` or `documentsCount`.
    pub fn get(&self, name: &str) -> Option<i64> {
        self.0.iter().find(|it| it.0 == name).map(|it| it.1)
    }

    /// All names with their numbers, in the order of the service.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_read_whatever_their_names() {
        let quota =
            Quota::parse("functions=25; documentsCount = -1 ;;broken;x=y;collectionSize=10485760;");
        assert_eq!(quota.get("collectionSize"), Some(10_485_760));
        assert_eq!(quota.get("documentsCount"), Some(-1));
        assert_eq!(quota.get("x"), None);
        let names: Vec<_> = quota.iter().map(|it| it.0).collect();
        assert_eq!(names, ["functions", "documentsCount", "collectionSize"]);
        assert_eq!(Quota::parse(""), Quota::default());
    }
}
