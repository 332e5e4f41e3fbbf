//! Words of a text.

/// The words in lower case: runs of letters and digits.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|it: char| !it.is_alphanumeric()).filter(|it| !it.is_empty()).map(str::to_lowercase)
}

/// Whether so many insertions, deletions and replacements of characters make one word of the other.
///
/// Each edit forks three ways, so that the number of edits must stay small.
pub(super) fn is_near(a: &[char], b: &[char], edits: u8) -> bool {
    let common = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (a.get(common..).unwrap_or_default(), b.get(common..).unwrap_or_default());
    match (a, b) {
        ([], rest) | (rest, []) => rest.len() <= usize::from(edits),
        ([_, after_a @ ..], [_, after_b @ ..]) => {
            edits > 0
                && (is_near(after_a, after_b, edits - 1)
                    || is_near(after_a, b, edits - 1)
                    || is_near(a, after_b, edits - 1))
        }
    }
}
