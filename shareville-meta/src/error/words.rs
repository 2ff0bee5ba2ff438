//! Reading, and cleaning, the platform's texts.

/// What stands for what was blotted out.
pub(super) const BLOT: &str = "[redacted]";

/// From which length on a run of token characters that begins like a token is taken for one.
const TOKEN_CHARS: usize = 16;

/// From which length on one that begins like a login's code is.
const CODE_CHARS: usize = 40;

/// How many hexadecimal digits app secrets and proofs of them have.
const HEX_CHARS: [usize; 2] = [32, 64];

/// The code in front of a message: 506 in `(#506) Duplicate status message`.
pub(super) fn leading_code(message: &str) -> Option<i64> {
    let (number, _) = message.strip_prefix("(#")?.split_once(')')?;
    number.parse().ok()
}

/// The subcode in a container's status: 2207077 in `Error: Media upload has failed with error code 2207077`.
pub(super) fn container_subcode(status: &str) -> Option<i64> {
    let (_, number) = status.rsplit_once("error code ")?;
    number.trim_end_matches('.').trim().parse().ok()
}

/// A message without the code in front.
pub(super) fn without_code(message: &str) -> &str {
    match message.starts_with("(#") {
        true => message
            .split_once(')')
            .map_or(message, |(_, rest)| rest.trim_start()),
        false => message,
    }
}

/// A text with what looks like a secret blotted out: the platform repeats broken tokens in its messages.
pub(super) fn blot(text: &str) -> String {
    let is_token_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '|' | '_' | '-' | '.');
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_token_char) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c| !is_token_char(c)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        clean.push_str(before);
        match is_secret(word) {
            true => clean.push_str(BLOT),
            false => clean.push_str(word),
        }
        rest = after;
    }
    clean.push_str(rest);
    clean
}

fn is_secret(word: &str) -> bool {
    let begins = |starts: &[&str]| starts.iter().any(|start| word.starts_with(start));
    let length = word.len();
    length >= TOKEN_CHARS && (begins(&["EAA", "IGQ", "IGA"]) || word.contains('|'))
        || length >= CODE_CHARS && begins(&["AQ"])
        || HEX_CHARS.contains(&length) && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_should_be_blotted_out_and_nothing_else() {
        let token = "EAACEdEose0cBAPRtQKBHQ2rPx";
        assert_eq!(
            blot(&format!(
                "Malformed access token {token}, 12345678901234567890 stays"
            )),
            "Malformed access token [redacted], 12345678901234567890 stays"
        );
        assert_eq!(blot("1234567890|abcdefabcdef"), BLOT);
        for secret in ["AQ".repeat(20), "0a".repeat(16), "f9".repeat(32)] {
            assert_eq!(blot(&secret), BLOT);
        }
        let id = "0a".repeat(15);
        assert_eq!(blot(&id), id);
        assert_eq!(blot("Grüße, (#100) é"), "Grüße, (#100) é");
    }

    #[test]
    fn only_the_number_in_front_should_count() {
        assert_eq!(leading_code("(#200) Requires (#100)"), Some(200));
        assert_eq!(leading_code("Page 190 is gone"), None);
        assert_eq!(
            container_subcode("failed with error code 2207077"),
            Some(2_207_077)
        );
        assert_eq!(container_subcode("the error 2207077"), None);
        assert_eq!(without_code("(#100) Invalid"), "Invalid");
    }
}
