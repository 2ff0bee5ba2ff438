//! A post's record, as stores keep it: what is empty is left out. Records from before name every field, and still read.

use serde_json::{Value, from_str, from_value, json, to_string, to_value};

use super::{Command, Post, Repeat, Story, WINDOW};
use crate::{
    media::{Media, UserTag},
    post::{FacebookOptions, FirstCommentStatus, Options, Placement},
};

/// Adds those fields that a record leaves out.
fn fill(record: &mut Value, empty: &Value) {
    // What is not there at all has no fields.
    if let (Value::Object(record), Value::Object(empty)) = (record, empty) {
        for (name, value) in empty {
            record.entry(name).or_insert_with(|| value.clone());
        }
    }
}

/// The record as it was written before: with every field.
fn in_full(post: &Post) -> Value {
    let mut record = to_value(post).unwrap();
    let empty = json!({
        "group": null, "metadata": {}, "scheduled_at": null, "timezone": null, "published_at": null, "published": {},
        "first_comment_status": "none", "failure": null, "work": {},
    });
    fill(&mut record, &empty);
    let empty = json!({"platform_id": null, "permalink": null});
    fill(&mut record["published"], &empty);
    fill(&mut record["failure"], &json!({"platform": null}));

    let content = &mut record["content"];
    let empty = json!({
        "caption": null, "link": null, "media": [], "placement": "feed", "options": {}, "firstComment": null,
    });
    fill(content, &empty);
    let empty = json!({
        "altText": null, "thumbnailUrl": null, "thumbnailOffsetMs": null, "userTags": [],
    });
    for media in content["media"].as_array_mut().unwrap() {
        fill(media, &empty);
    }

    let work = &mut record["work"];
    let empty = json!({
        "due_at": null, "attempts": 0, "content_attempts": 0, "progress": null, "superseded": [],
        "discard_attempts": 0, "discard_absences": 0, "mark": null, "comment": null,
    });
    fill(work, &empty);
    let empty = json!({
        "refusal": null, "settle_by": null, "look_until": null, "pending_since": null, "looks": 0, "absent": 0, "dead": 0,
        "counted_at": null,
    });
    fill(&mut work["mark"], &empty);
    if let Some(refusal) = work["mark"].get_mut("refusal") {
        fill(refusal, &json!({"platform": null}));
    }
    let empty = json!({"looks": 0, "absent": 0, "counted_at": null});
    fill(&mut work["comment"], &empty);
    let empty = json!({"object": null});
    fill(&mut work["progress"], &empty);
    for progress in work["superseded"].as_array_mut().unwrap() {
        fill(progress, &empty);
    }
    record
}

/// Checks that a post reads as it was written, and as it was written before.
#[track_caller]
pub(super) fn check(post: &Post) {
    let text = to_string(post).unwrap();
    assert_eq!(from_str::<Post>(&text).unwrap(), *post, "{text}");
    let full = in_full(post);
    assert_eq!(from_value::<Post>(full.clone()).unwrap(), *post, "{full}");
}

fn names(record: &Value) -> Vec<&str> {
    let mut names: Vec<_> = record
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn a_draft_should_leave_out_what_it_does_not_have() {
    let mut story = Story::draft();
    story.post.content.first_comment = None;
    story.post.first_comment_status = FirstCommentStatus::None;
    let record = to_value(&story.post).unwrap();
    assert_eq!(
        names(&record),
        [
            "account",
            "connection",
            "content",
            "content_revision",
            "created_at",
            "give_up_after",
            "id",
            "lane",
            "revision",
            "status",
            "tenant",
            "updated_at",
            "user",
        ]
    );
    assert_eq!(record["content"], json!({"caption": "Good morning"}));
    assert_eq!(names(&in_full(&story.post)).len(), 22);
    check(&story.post);
}

#[test]
fn posts_should_read_whether_what_is_empty_is_left_out_or_written() {
    let stories = [
        Story::draft(),
        Story::due(),
        Story::prepared(),
        Story::committing(Repeat::Never),
        Story::published(),
        Story::published().after(Command::BeginComment { window: WINDOW }),
        Story::unknown(),
        Story::failed(),
    ];
    for story in stories {
        check(&story.post);
    }
}

#[test]
fn media_and_options_should_read_as_they_were_written() {
    let mut post = Story::draft().post;
    let tagged = Media {
        alt_text: Some("Bread".to_owned()),
        user_tags: vec![UserTag {
            username: "ada".to_owned(),
            x: Some(0.1),
            y: None,
        }],
        ..Media::image("https://cdn.example/a.jpg")
    };
    post.content.media = vec![Media::video("https://cdn.example/b.mp4"), tagged];
    post.content.placement = Placement::Reel;
    check(&post);
    // An empty object is no default: it was said.
    post.content.options = Options {
        facebook: Some(FacebookOptions::default()),
        instagram: None,
    };
    post.metadata.insert("order".to_owned(), Value::Null);
    check(&post);
}
