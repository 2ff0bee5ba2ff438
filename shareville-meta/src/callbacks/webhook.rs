//! What a webhook tells of.
//!
//! Source: graph-api.md 9.2, 9.3 (D-WH, D-WHP, D-WHI; RESTFB).

use serde_json::Value;
use shareville_core::{
    callbacks::Noticed,
    notice::{NoticeDigest, NoticeKind},
};

use super::id::id;

/// Items of a Page's feed that are no posts.
const NO_POSTS: [&str; 4] = ["comment", "reaction", "like", "rating"];

/// Reads what matters here; all else is passed over. `None` if it is not JSON.
pub(super) fn read(body: &[u8]) -> Option<Vec<Noticed>> {
    let body: Value = serde_json::from_slice(body).ok()?;
    Some(told(&body))
}

fn told(body: &Value) -> Vec<Noticed> {
    match body {
        // One page of Meta's draws an array at the top.
        Value::Array(parts) => parts.iter().flat_map(told).collect(),
        part => {
            let object = part["object"].as_str().unwrap_or_default();
            let entries = part["entry"].as_array().into_iter().flatten();
            entries
                .flat_map(|entry| entry_told(object, entry))
                .collect()
        }
    }
}

fn entry_told(object: &str, entry: &Value) -> Vec<Noticed> {
    if object == "permissions" {
        return permissions(entry).into_iter().collect();
    }
    let changes: Vec<&Value> = match entry["changes"].as_array() {
        Some(changes) => changes.iter().collect(),
        // And the change itself in the entry.
        None => vec![entry],
    };
    let told = changes.into_iter().filter_map(|change| {
        let kind = removed(object, entry, change)?;
        Some(noticed(kind, object, entry, change))
    });
    told.collect()
}

/// A person has granted or withdrawn something: `{"id","uid","time","changes":[{"field","verb"}]}`. The whole entry is one
/// notice, since all of it makes us look once.
fn permissions(entry: &Value) -> Option<Noticed> {
    let person = id(&entry["uid"]).or_else(|| id(&entry["id"]))?;
    let kind = NoticeKind::PermissionsChanged { person };
    Some(noticed(kind, "permissions", entry, &entry["changes"]))
}

/// A post of a Page was removed.
fn removed(object: &str, entry: &Value, change: &Value) -> Option<NoticeKind> {
    let value = &change["value"];
    let is_removed = object == "page" && change["field"] == "feed" && value["verb"] == "remove";
    let item = value["item"].as_str().unwrap_or_default();
    if !is_removed || NO_POSTS.contains(&item) || !value["comment_id"].is_null() {
        return None;
    }
    Some(NoticeKind::PostRemoved {
        account: id(&entry["id"])?,
        post: id(&value["post_id"])?,
    })
}

/// It is recognised by what it is about, its time, and all that it says, in one order of names.
fn noticed(kind: NoticeKind, object: &str, entry: &Value, change: &Value) -> Noticed {
    let (about, time) = (entry["id"].to_string(), entry["time"].to_string());
    let change = change.to_string();
    let parts = [object, &about, &time, &change];
    Noticed {
        kind,
        digest: NoticeDigest::of(parts.iter().map(|part| part.as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_json(body: &Value) -> Vec<Noticed> {
        read(body.to_string().as_bytes()).unwrap()
    }

    fn kinds(body: &Value) -> Vec<NoticeKind> {
        read_json(body).into_iter().map(|it| it.kind).collect()
    }

    fn feed(value: &Value) -> Value {
        json!({"object": "page", "entry": [
            {"id": "55", "time": 1_520_383_571, "changes": [{"field": "feed", "value": value}]},
        ]})
    }

    fn removed() -> NoticeKind {
        NoticeKind::PostRemoved {
            account: "55".to_owned(),
            post: "55_66".to_owned(),
        }
    }

    #[test]
    fn a_removed_post_should_be_noticed_whatever_it_was() {
        for item in ["post", "status", "photo", "video", "something new"] {
            let value = json!({"item": item, "verb": "remove", "post_id": "55_66", "published": 1});
            assert_eq!(kinds(&feed(&value)), [removed()], "{item}");
        }
    }

    #[test]
    fn what_does_not_matter_should_be_passed_over() {
        for value in [
            json!({"item": "post", "verb": "add", "post_id": "55_66"}),
            json!({"item": "comment", "verb": "remove", "post_id": "55_66", "comment_id": "66_1"}),
            json!({"item": "like", "verb": "remove", "post_id": "55_66"}),
            json!({"item": "post", "verb": "remove"}),
            json!({"verb": 1}),
            json!(null),
        ] {
            assert_eq!(kinds(&feed(&value)), [], "{value}");
        }
        let comments = json!({"object": "instagram", "entry": [{"id": "17", "time": 1, "changes": [
            {"field": "comments", "value": {"id": "1", "text": "hi"}}]}]});
        for body in [
            comments,
            json!({}),
            json!([1, "x"]),
            json!(7),
            json!({"object": "new"}),
        ] {
            assert_eq!(kinds(&body), [], "{body}");
        }
        assert_eq!(read(b"<html>"), None);
        assert_eq!(read(b""), None);
    }

    #[test]
    fn changed_permissions_should_name_the_person_once() {
        let entry = |id: Value| {
            json!({"id": id, "uid": id, "time": 1_567_181_353, "changes": [
                {"field": "connected", "verb": "granted"}, {"field": "email", "verb": "revoked"}]})
        };
        let body =
            json!({"object": "permissions", "entry": [entry(json!("17")), entry(json!(18))]});
        let person = |id: &str| NoticeKind::PermissionsChanged {
            person: id.to_owned(),
        };
        assert_eq!(kinds(&body), [person("17"), person("18")]);
    }

    #[test]
    fn an_array_and_a_change_in_the_entry_should_be_read_too() {
        let value = json!({"item": "post", "verb": "remove", "post_id": "55_66"});
        let entry = json!({"id": 55, "time": 1, "field": "feed", "value": value});
        let body = json!([{"object": "page", "entry": [entry]}]);
        assert_eq!(kinds(&body), [removed()]);
    }

    #[test]
    fn the_same_should_be_recognised_and_another_told_apart() {
        let value = json!({"item": "post", "verb": "remove", "post_id": "55_66"});
        let first = read_json(&feed(&value));
        let text = feed(&value).to_string().replace("{\"", "{ \"");
        assert_eq!(read(text.as_bytes()), Some(first.clone()));
        let mut later = feed(&value);
        later["entry"][0]["time"] = json!(1_520_383_572);
        assert_ne!(read_json(&later)[0].digest, first[0].digest);
        let mut elsewhere = feed(&value);
        elsewhere["entry"][0]["id"] = json!("56");
        assert_ne!(read_json(&elsewhere)[0].digest, first[0].digest);
    }
}
