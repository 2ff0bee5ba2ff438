//! Assumptions about Meta that no document settles, each with a name.

use serde::{Deserialize, Serialize};

/// Assumptions about Meta that no document settles.
///
/// The defaults are what was seen on the live platform where somebody looked, and the strict reading where nobody did.
/// Flip them to learn what your software does if the assumption is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Switches {
    /// `is_published=true` on a post that is already live answers success and does nothing.
    /// Seen once on v25.0, documented nowhere. If `false`, each repetition makes one more visible post.
    /// Default: `true`.
    pub publish_twice_is_harmless: bool,
    /// A post with a `link` may be created with `published=false` and published later.
    /// The probe tried text and photos; links are assumed to be alike. If `false`, creating it is refused (100).
    /// Default: `true`.
    pub link_posts_can_be_unpublished: bool,
    /// One uploaded photo may be attached to several posts. Undocumented; `false` refuses the second post (100).
    /// Default: `false`.
    pub photo_reuse_allowed: bool,
    /// A finish of a video, Reel or video story that is finished already answers success and does nothing.
    /// Documented nowhere. If `false`, each repetition makes one more visible video. Default: `true`.
    pub finish_twice_is_harmless: bool,
    /// `photo_stories` with a photo that is a story already answers that story and does nothing.
    /// Documented nowhere. If `false`, each repetition makes one more story. Default: `true`.
    pub photo_story_twice_is_harmless: bool,
    /// So many reads of a finished video, or of a list of its Page, pass before visitors see it; the first of them
    /// find it in processing. 0 shows it at once. Default: 1.
    pub video_processing_polls: u32,
    /// The length of a chunk that `upload_phase=start` and `transfer` ask for. Meta grows it as it likes.
    /// Default: 1,048,576.
    pub video_chunk_bytes: u32,
    /// So many first reads of a fresh post, photo, video or comment answer 100/33 although it is there, as Meta did for
    /// weeks in 2026. Default: 0.
    pub read_after_create_lag: u32,
    /// `/me/accounts` leaves out business-owned Pages unless `business_management` was granted.
    /// In the documents since v17, but reports differ. Default: `true`.
    pub accounts_list_omits_business_pages: bool,
    /// `/me/accounts` is empty although Pages were granted: seen on the live platform, cause unknown.
    /// Default: `false`.
    pub accounts_list_is_empty: bool,
    /// A parameter that the sandbox does not know is refused (100). Meta ignores many of them in silence: keep this
    /// on so that your tests find the typing error. Default: `true`.
    pub refuse_unknown_parameters: bool,
    /// Uploaded photos that no post uses vanish after so many hours ("about 24" says the document); 0 keeps them.
    /// Default: 24.
    pub unpublished_photos_expire_after_hours: u32,
    /// Meta's refusal of the same text twice in a row (506). Its exact rule is unknown; here the newest visible
    /// post of the Page counts. Default: `false`.
    pub refuse_duplicate_text: bool,
    /// Pages ticked in an earlier consent stay granted when a later one leaves them out, as seen on v25.0.
    /// Default: `true`.
    pub page_grants_accumulate: bool,
    /// The code exchange already answers a token of sixty days. Meta's documents show both. Default: `false`.
    pub code_exchange_is_long_lived: bool,
    /// Reading comments needs `pages_read_user_content` as well. The permission table says so for others' comments
    /// only; the sandbox cannot know which you look for. Default: `false`.
    pub comments_need_read_user_content: bool,
    /// How many reads find a new Instagram container `IN_PROGRESS`, photos too. A refused `media_publish` counts as
    /// one, so that a client that cannot read does not wait for ever. Default: 1.
    pub container_polls: u32,
    /// Reading an Instagram container answers 100/33 although it is there and can be published, as Meta did for weeks
    /// in 2026. Default: `false`.
    pub container_reads_fail: bool,
    /// `media_publish` with a container that is already published answers the same media and does nothing.
    /// Documented nowhere. If `false`, each repetition makes one more visible media. Default: `true`.
    pub media_publish_twice_is_harmless: bool,
    /// How much an Instagram account may publish in 24 hours. Meta's documents say 100, 50 and 25. Default: 50.
    pub quota_total: u32,
    /// Instagram's code exchange answers `{"data":[{…}]}` with everything as text. Meta's documents show both forms.
    /// Default: `false`.
    pub instagram_code_answer_is_wrapped: bool,
    /// `tasks` can be asked of a Page by its id. Meta's own SDK lists it for `/me/accounts` only. Default: `false`.
    pub page_node_has_tasks: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            publish_twice_is_harmless: true,
            link_posts_can_be_unpublished: true,
            photo_reuse_allowed: false,
            finish_twice_is_harmless: true,
            photo_story_twice_is_harmless: true,
            video_processing_polls: 1,
            video_chunk_bytes: 1_048_576,
            read_after_create_lag: 0,
            accounts_list_omits_business_pages: true,
            accounts_list_is_empty: false,
            refuse_unknown_parameters: true,
            unpublished_photos_expire_after_hours: 24,
            refuse_duplicate_text: false,
            page_grants_accumulate: true,
            code_exchange_is_long_lived: false,
            comments_need_read_user_content: false,
            container_polls: 1,
            container_reads_fail: false,
            media_publish_twice_is_harmless: true,
            quota_total: 50,
            instagram_code_answer_is_wrapped: false,
            page_node_has_tasks: false,
        }
    }
}
