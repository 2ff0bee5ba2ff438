//! What the codes mean, as data: one row each, with where it is known from.
//!
//! Sources by the keys of graph-api.md 0.2. Rows are looked up by subcode first, then by code (8.2).

/// What kind of failure a row stands for: core's classes without what only an answer can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Transient,
    RateLimited,
    Reauthorize,
    Permission,
    Content,
    /// As `Content`, and trying again may help.
    Refetch,
    Duplicate,
    Blocked,
    Config,
    NotFound,
}

use Kind::{
    Blocked, Config, Content, Duplicate, NotFound, Permission, RateLimited, Reauthorize, Refetch,
    Transient,
};

/// One meaning.
#[derive(Debug)]
pub(super) struct Row {
    /// The first and last code it is for; for subcodes: which codes it must come with.
    pub(super) codes: (i64, i64),
    /// The subcode, in the table of subcodes.
    pub(super) subcode: Option<i64>,
    pub(super) kind: Kind,
    /// What happened and what to do, for people; empty where the kind's own words say enough.
    pub(super) words: &'static str,
    /// Where it is known from.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for whoever reads, and checked by a test")
    )]
    pub(super) source: &'static str,
}

/// With whatever code it comes.
const ANY: (i64, i64) = (i64::MIN, i64::MAX);

const fn code(first: i64, last: i64, kind: Kind, words: &'static str, source: &'static str) -> Row {
    Row {
        codes: (first, last),
        subcode: None,
        kind,
        words,
        source,
    }
}

const fn sub(subcode: i64, kind: Kind, words: &'static str, source: &'static str) -> Row {
    Row {
        codes: ANY,
        subcode: Some(subcode),
        kind,
        words,
        source,
    }
}

const fn sub_of(
    code: i64,
    subcode: i64,
    kind: Kind,
    words: &'static str,
    source: &'static str,
) -> Row {
    Row {
        codes: (code, code),
        subcode: Some(subcode),
        kind,
        words,
        source,
    }
}

/// graph-api.md 8.3. Codes that mix meanings (1, 2, -1, -2, 100, 190, 200, 368, 2500) are split by `class`.
#[rustfmt::skip]
pub(super) const CODES: &[Row] = &[
    code(-2, 2, Transient, "", "D-VER errors, D-IGE; field DUP, php-graph-sdk#948"),
    code(3, 3, Config, "The app may not make this call: it lacks a capability or an access level at Meta.", "D-VER errors; brightbean-studio#146"),
    code(4, 4, RateLimited, "", "D-VER rate limiting"),
    code(9, 9, RateLimited, "", "D-IGE"),
    code(10, 10, Permission, "", "D-VER errors; ERRSTR"),
    code(12, 12, Config, "", "instagram-graph-api-php-sdk#22"),
    code(17, 17, RateLimited, "", "D-VER rate limiting"),
    code(24, 24, NotFound, "", "D-IGE"),
    code(25, 25, Blocked, "", "D-IGE; ERRSTR"),
    code(32, 32, RateLimited, "", "D-VER rate limiting"),
    code(100, 100, Content, "", "D-VER errors"),
    code(102, 102, Reauthorize, "", "D-VER errors"),
    code(104, 104, Reauthorize, "", "FBUP"),
    code(105, 105, Content, "", "FBUP"),
    code(110, 110, NotFound, "", "D-IGE"),
    code(190, 190, Reauthorize, "", "D-VER errors"),
    code(191, 191, Config, "The redirect address is not registered with the app at Meta.", "memory: graph-api.md 8.3"),
    code(194, 194, Content, "", "FBUP"),
    code(200, 299, Permission, "", "D-VER errors; pipedream#7581"),
    code(324, 324, Refetch, "Facebook could not use the picture: it is missing or broken.", "LOG"),
    code(341, 341, RateLimited, "", "D-VER rate limiting"),
    code(352, 352, Content, "The video's format is not supported.", "D-IGE"),
    code(368, 368, Blocked, "", "D-VER errors; field"),
    code(382, 382, Content, "The video file is too small.", "D-VID"),
    code(389, 389, Refetch, "Facebook could not fetch the video from its address.", "D-VID"),
    code(390, 390, Content, "There was a problem with the video file.", "D-VID"),
    code(506, 506, Duplicate, "", "D-VER errors"),
    code(613, 613, RateLimited, "", "D-VER rate limiting"),
    code(803, 803, NotFound, "", "field: graph-api.md 8.3"),
    code(1500, 1500, Content, "The link is not valid.", "fb_graph#320"),
    code(2200, 2200, Config, "Meta's check of the webhook address failed.", "KOALA"),
    code(2500, 2500, Config, "", "RESTFB"),
    code(2635, 2635, Config, "The Graph API version is too old: configure a newer one.", "FBUP"),
    code(3919, 3919, Transient, "", "FBUP"),
    code(6000, 6000, Content, "There was a problem with the video file.", "PHPSDK"),
    code(6001, 6001, Transient, "", "restfb#737"),
    code(9004, 9004, Refetch, "The platform could not fetch the media from its address.", "D-IGE; postiz#1129"),
    code(9007, 9007, Transient, "", "D-IGE"),
    code(36000, 36000, Content, "The picture's file is too big.", "D-IGE"),
    code(36001, 36001, Content, "The picture's format is not supported.", "D-IGE"),
    code(36002, 36002, Content, "", "D-IGE"),
    code(36003, 36003, Content, "The picture's shape (aspect ratio) is not supported.", "D-IGE"),
    code(36004, 36004, Content, "The caption is too long.", "D-IGE"),
    code(80000, 80014, RateLimited, "", "D-VER rate limiting"),
    code(1_609_005, 1_609_005, Content, "Facebook does not take this link.", "D-FEED"),
];

/// graph-api.md 8.4: login, Graph, Pages, video.
#[rustfmt::skip]
pub(super) const SUBCODES: &[Row] = &[
    sub_of(100, 33, NotFound, "", "D-VER errors; field postiz#1562"),
    sub_of(1, 99, Transient, "", "php-graph-sdk#1141"),
    sub_of(190, 458, Reauthorize, "The app was removed from the account's settings at Facebook.", "D-VER errors"),
    sub_of(190, 459, Reauthorize, "Facebook wants the person to log in at facebook.com and clear a security check first.", "D-VER errors"),
    sub_of(190, 460, Reauthorize, "The password was changed, or Facebook ended the session for security reasons.", "D-VER errors"),
    sub_of(190, 463, Reauthorize, "The access has expired.", "D-VER errors"),
    sub_of(190, 464, Reauthorize, "The person's account at Facebook is not confirmed.", "D-VER errors"),
    sub_of(190, 467, Reauthorize, "The person logged out, or the access is no longer valid.", "D-VER errors"),
    sub_of(190, 483, Reauthorize, "Facebook wants the person to give their consent at facebook.com first.", "graph-api.md 8.4"),
    sub_of(190, 490, Reauthorize, "Facebook wants the person to log in at facebook.com and clear a security check first.", "graph-api.md 8.4"),
    sub_of(190, 492, Reauthorize, "The person has lost their role on the Page, or must set up two-factor authentication.", "D-VER errors"),
    sub(1996, RateLimited, "", "D-VER rate limiting"),
    sub(1_349_210, RateLimited, "", "field: graph-api.md 8.4"),
    sub(36007, Reauthorize, "The login took too long. Begin it again.", "field: graph-api.md 3.3"),
    sub(36008, Config, "The redirect address differs from the one the login began with, or is not registered with the app at Meta.", "graph-api.md 3.3"),
    sub(36009, Reauthorize, "This login has been used already. Begin it again.", "memory: graph-api.md 3.3"),

    sub(1_366_046, Content, "Facebook could not read the picture: send a JPEG or PNG of at most 4 MB.", "field: graph-api.md 5.2"),
    sub(1_366_051, Duplicate, "", "field: graph-api.md 8.4"),
    sub(1_404_082, Duplicate, "", "field: graph-api.md 8.4"),
    sub(1_609_005, Content, "Facebook does not take this link.", "D-FEED"),
    sub(1_609_008, Content, "Facebook does not take links to facebook.com itself.", "field: graph-api.md 5.10"),
    sub(2_061_006, Content, "The link is not valid.", "field: graph-api.md 8.4"),
    sub(1_349_125, Content, "", "FBUP, POSTIZ; sources disagree"),
    sub(1_446_036, Content, "", "field: graph-api.md 8.4"),
    sub(1_965_014, Content, "", "field: graph-api.md 8.4"),
    sub(2_069_019, Refetch, "Facebook could not fetch the picture from its address.", "LOG"),
    sub(1_376_025, Permission, "The person may not post on this Page.", "field: graph-api.md 8.4"),
    sub(1_363_144, Permission, "The Page has too few followers for this.", "field: graph-api.md 8.4"),
    sub(1_390_008, Blocked, "Facebook says that this account does things too fast, and has blocked it for a while.", "field: graph-api.md 8.4"),
    sub(1_346_003, Blocked, "Facebook says that others have reported this content or link as abusive.", "field: graph-api.md 8.4"),
    sub(1_404_006, Blocked, "Facebook wants a security check at facebook.com.", "field: graph-api.md 8.4"),
    sub(1_404_078, Blocked, "The Page needs Facebook's Page Publishing Authorization: see the Page's settings at facebook.com.", "POSTIZ"),
    sub(1_404_102, Blocked, "Facebook says that this is against its Community Standards.", "field: graph-api.md 8.4"),
    sub(1_404_112, Blocked, "Facebook has limited this account for some days.", "field: graph-api.md 8.4"),
    sub(4_854_002, Blocked, "Facebook wants the person to confirm their identity in its mobile app.", "field: graph-api.md 8.4"),

    sub(1_363_019, Transient, "", "PHPSDK, AiToEarn#592"),
    sub(1_363_030, Transient, "", "field: graph-api.md 8.4"),
    sub(1_363_037, Transient, "", "restfb#737"),
    sub(1_363_047, Transient, "", "field: graph-api.md 8.4"),
    sub(1_609_010, Transient, "", "POSTIZ"),
    sub(1_363_040, Content, "The video's shape (aspect ratio) is not supported.", "D-REEL"),
    sub(1_363_127, Content, "The video's resolution is not supported.", "D-REEL"),
    sub(1_363_128, Content, "The video is too short or too long.", "D-REEL"),
    sub(1_363_129, Content, "The video's frame rate is not supported.", "D-REEL"),
    sub(1_363_045, Content, "The video file is not as long as was said.", "D-REEL"),
    sub(1_363_057, Refetch, "Facebook could not fetch the video from its address.", "D-VID"),
    sub(1_363_103, Content, "", "field: graph-api.md 8.4"),
];

/// graph-api.md 8.4: Instagram. Here because one Graph client serves both, and so that no code is ever misread.
#[rustfmt::skip]
pub(super) const INSTAGRAM_SUBCODES: &[Row] = &[
    sub(2_207_001, Transient, "", "D-IGE"),
    sub(2_207_003, Transient, "", "D-IGE"),
    sub(2_207_004, Content, "The picture's file is too big: at most 8 MB.", "D-IGE"),
    sub(2_207_005, Content, "The picture's format is not supported.", "D-IGE"),
    sub(2_207_006, NotFound, "", "D-IGE"),
    sub(2_207_008, Transient, "", "D-IGE"),
    sub(2_207_009, Content, "The picture's shape (aspect ratio) is not supported.", "D-IGE"),
    sub(2_207_010, Content, "The caption is too long.", "D-IGE"),
    sub(2_207_013, NotFound, "", "D-IGE"),
    sub(2_207_020, Transient, "", "D-IGE"),
    sub(2_207_023, Content, "", "D-IGE"),
    sub(2_207_026, Content, "The video's format is not supported.", "D-IGE"),
    sub(2_207_027, Transient, "", "D-IGE"),
    sub(2_207_028, Content, "A carousel needs 2 to 10 items.", "D-IGE"),
    sub(2_207_032, Transient, "", "D-IGE"),
    sub(2_207_035, Content, "", "D-IGE"),
    sub(2_207_036, Content, "", "D-IGE"),
    sub(2_207_037, Content, "", "D-IGE"),
    sub(2_207_040, Content, "There are more than 20 tags.", "D-IGE"),
    sub(2_207_042, RateLimited, "The account has reached its number of posts for a day.", "D-IGE"),
    sub(2_207_050, Blocked, "The account is restricted: see the Instagram app.", "D-IGE; ERRSTR"),
    sub(2_207_051, Blocked, "Instagram takes this for spam, and has blocked the account for a while.", "D-IGE; LOG"),
    sub(2_207_052, Refetch, "Instagram could not fetch the media from its address.", "D-IGE; postiz#1129"),
    sub(2_207_053, Transient, "", "D-IGE"),
    sub(2_207_057, Content, "The moment for the cover lies outside the video.", "D-IGE"),
    sub(2_207_076, Refetch, "", "field: graph-api.md 8.4"),
    sub(2_207_077, Refetch, "", "field: graph-api.md 8.4"),
    sub(2_207_081, Content, "", "fixture: graph-api.md 8.4"),
    sub(2_207_082, Transient, "", "field: graph-api.md 8.4"),
    sub(2_207_083, Content, "The picture's format is not supported.", "field: graph-api.md 8.4"),
    sub(2_207_085, Refetch, "", "field: graph-api.md 8.4"),
];

/// Whether a subcode is one of Instagram's own.
pub(super) fn is_instagrams(subcode: i64) -> bool {
    INSTAGRAM_SUBCODES
        .iter()
        .any(|row| row.subcode == Some(subcode))
}

/// The row of a subcode that comes with a code, or without one.
pub(super) fn of_subcode(code: Option<i64>, subcode: i64) -> Option<&'static Row> {
    SUBCODES.iter().chain(INSTAGRAM_SUBCODES).find(|row| {
        row.subcode == Some(subcode)
            && code.is_none_or(|code| (row.codes.0..=row.codes.1).contains(&code))
    })
}

/// The row of a code.
pub(super) fn of_code(code: i64) -> Option<&'static Row> {
    // 0 lies between -2 and 2, and means that there is none.
    CODES
        .iter()
        .find(|row| code != 0 && (row.codes.0..=row.codes.1).contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_should_have_two_rows_and_every_row_should_name_its_source() {
        for (n, row) in CODES.iter().enumerate() {
            assert!(row.codes.0 <= row.codes.1 && !row.source.is_empty());
            for other in &CODES[n + 1..] {
                assert!(row.codes.1 < other.codes.0 || other.codes.1 < row.codes.0);
            }
        }
        let all: Vec<_> = SUBCODES.iter().chain(INSTAGRAM_SUBCODES).collect();
        for (n, row) in all.iter().enumerate() {
            assert!(!row.source.is_empty());
            assert!(
                all[n + 1..]
                    .iter()
                    .all(|other| other.subcode != row.subcode)
            );
        }
    }

    #[test]
    fn ranges_should_end_where_they_end() {
        for (inside, outside) in [(200, 199), (299, 300), (80_000, 79_999), (80_014, 80_015)] {
            assert!(of_code(inside).is_some());
            assert!(of_code(outside).is_none());
        }
        assert!(of_code(0).is_none());
        assert!(of_subcode(Some(100), 33).is_some());
        assert!(of_subcode(Some(190), 33).is_none());
    }
}
