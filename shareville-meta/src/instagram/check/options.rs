//! What only one network knows.

use shareville_core::{
    post::{Content, InstagramOptions, Placement},
    violation::Violation,
};

use super::{super::limits::COLLABORATORS, is_reel, item::user_name, no_room, too_many};

pub(super) fn check(content: &Content) -> Vec<Violation> {
    let mut found = Vec::new();
    if content.options.facebook.is_some() {
        found.push(no_room(
            "/options/facebook",
            "This post goes to Instagram: leave Facebook's options out.",
        ));
    }
    if let Some(options) = &content.options.instagram {
        let wrong = match content.placement {
            Placement::Story => of_story(options),
            Placement::Feed | Placement::Reel => of_post(content, options),
        };
        let wrong = wrong.into_iter();
        found.extend(wrong.map(|v| v.under("/options/instagram")));
    }
    found
}

fn of_story(options: &InstagramOptions) -> Vec<Violation> {
    let given = [
        (
            options.location_id.is_some(),
            "/locationId",
            "A story has no place",
        ),
        (
            !options.collaborators.is_empty(),
            "/collaborators",
            "A story has no co-authors",
        ),
        (
            options.share_to_feed.is_some(),
            "/shareToFeed",
            "A story does not show in the feed",
        ),
    ];
    let given = given.iter().filter(|(given, ..)| *given);
    given
        .map(|(_, pointer, why)| no_room(pointer, &format!("{why}: leave this out.")))
        .collect()
}

fn of_post(content: &Content, options: &InstagramOptions) -> Vec<Violation> {
    let mut found = Vec::from_iter(place(options));
    let count = options.collaborators.len();
    found.extend(too_many(
        "/collaborators",
        "too_many",
        "co-authors",
        count,
        &COLLABORATORS,
    ));
    for (index, name) in options.collaborators.iter().enumerate() {
        found.extend(user_name(&format!("/collaborators/{index}"), name));
    }
    found.extend(share_to_feed(content, options));
    found
}

fn place(options: &InstagramOptions) -> Option<Violation> {
    let id = options.location_id.as_deref()?;
    let good = !id.is_empty() && id.chars().all(|c| c.is_ascii_digit());
    (!good).then(|| {
        Violation::new(
            "/locationId",
            "invalid_id",
            "A place is named by the id of its Facebook Page, which has digits only.",
        )
    })
}

fn share_to_feed(content: &Content, options: &InstagramOptions) -> Option<Violation> {
    let why = match (options.share_to_feed?, content.placement) {
        (false, Placement::Feed) => {
            "What is published to the feed shows there: use the placement `reel` for a film that is not to."
        }
        (true, Placement::Feed) if !is_reel(content) => {
            "Only a film can be told to show in the feed; a picture always does. Leave this out."
        }
        _ => return None,
    };
    Some(no_room("/shareToFeed", why))
}
