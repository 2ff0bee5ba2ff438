//! Lists, a page at a time: `limit`, `after` and the `paging` object.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::error::GraphError;
use super::request::Request;
use crate::world::World;

const USUAL: usize = 25;
const MOST: usize = 100;

/// Cuts the asked-for page out of a list of ids, and says what `paging` has to say about it.
pub(crate) fn cut(
    world: &World,
    request: &Request,
    ids: &[String],
) -> Result<(Vec<String>, Option<Value>), GraphError> {
    let limit = match request.text("limit") {
        None => USUAL,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|limit| *limit > 0)
            .ok_or_else(|| {
                GraphError::parameter("Param limit must be an integer greater than or equal to 1")
            })?,
    }
    .min(MOST);
    let start = match request.text("after") {
        None => 0,
        Some(cursor) => {
            let last = decode(&cursor).ok_or_else(|| {
                GraphError::parameter(
                    "Invalid cursors values. Please provide a valid 'after' cursor.",
                )
            })?;
            ids.iter()
                .position(|id| *id == last)
                .map_or(ids.len(), |place| place + 1)
        }
    };
    let shown: Vec<String> = ids.iter().skip(start).take(limit).cloned().collect();
    let (Some(first), Some(last)) = (shown.first(), shown.last()) else {
        return Ok((shown, None));
    };
    let mut paging = json!({ "cursors": { "before": encode(first), "after": encode(last) } });
    if start + shown.len() < ids.len() {
        paging["next"] = next(world, request, limit, &encode(last)).into();
    }
    Ok((shown, Some(paging)))
}

/// `{"data":[…],"paging":{…}}`
pub(crate) fn answer(data: &[Value], paging: Option<Value>) -> Value {
    let mut answer = json!({ "data": data });
    if let Some(paging) = paging {
        answer["paging"] = paging;
    }
    answer
}

/// The next page's address. The token is in it, as Meta does, so that nobody learns to log or follow it.
fn next(world: &World, request: &Request, limit: usize, after: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("access_token", request.token.as_deref().unwrap_or_default());
    if let Some(fields) = request.fields() {
        query.append_pair("fields", &fields);
    }
    query
        .append_pair("limit", &limit.to_string())
        .append_pair("after", after);
    format!(
        "{}/{}/{}/{}?{}",
        world.base_url,
        request.host.name(),
        request.version,
        request.path.join("/"),
        query.finish()
    )
}

fn encode(id: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("after:{id}"))
}

fn decode(cursor: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    String::from_utf8(bytes)
        .ok()?
        .strip_prefix("after:")
        .map(str::to_owned)
}
