//! Texts as Instagram may give them back.

/// A text without what is the platform's own business: line ends, and outer white space.
pub(super) fn plain(text: &str) -> String {
    text.replace("\r\n", "\n")
        .replace('\r', "\n")
        .trim()
        .to_owned()
}
