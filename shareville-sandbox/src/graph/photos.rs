//! Photos: `POST /{page}/photos`, and a photo by its id.

use axum::body::Bytes;
use serde_json::{Value, json};
use url::Url;

use super::bearer::bearer;
use super::error::GraphError;
use super::fields::Node;
use super::me::object;
use super::request::Request;
use super::{lag, success};
use crate::world::{NewPost, PhotoSource, World, graph_time};

const KNOWN: [&str; 7] = [
    "url",
    "source",
    "published",
    "caption",
    "message",
    "alt_text_custom",
    "temporary",
];
/// "Under 10 MB" says the document.
const MOST_BYTES: usize = 10_000_000;

/// `POST /{page}/photos`
pub(super) fn upload(
    world: &mut World,
    request: &Request,
    page: &str,
) -> Result<Value, GraphError> {
    let app = bearer(world, request)?.publishing(world, "POST", page)?;
    request.only(&KNOWN, world.switches.refuse_unknown_parameters)?;
    let source = source(request)?;
    let published = request.flag("published")?.unwrap_or(true);
    let caption = request.text("caption").or_else(|| request.text("message"));
    let id = world.add_photo(
        page,
        source,
        request.text("alt_text_custom"),
        caption.clone(),
    );
    let mut answer = json!({ "id": id });
    if published {
        let post = NewPost {
            page: page.to_owned(),
            app,
            message: caption,
            photos: vec![id.clone()],
            published: true,
            ..NewPost::default()
        };
        answer["post_id"] = world.create_post(post).into();
        if let Some(photo) = world.photos.get_mut(&id) {
            photo.published = true;
        }
    }
    Ok(answer)
}

fn source(request: &Request) -> Result<PhotoSource, GraphError> {
    if let Some((_, bytes)) = request.files.iter().find(|(name, _)| name == "source") {
        return uploaded(bytes);
    }
    let url = request.text("url").ok_or_else(|| {
        GraphError::new(324, "(#324) Requires upload file")
            .for_user("No Image", "Please upload an image.")
    })?;
    let parsed = Url::parse(&url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"));
    let host = parsed.as_ref().and_then(Url::host_str);
    match host {
        None => Err(GraphError::parameter("url should represent a valid URL")),
        // Nothing is fetched here; a host that cannot exist stands for one that cannot be reached.
        Some(host) if host.ends_with(".invalid") => {
            Err(GraphError::new(324, "(#324) Missing or invalid image file").sub(2_069_019))
        }
        Some(_) => Ok(PhotoSource::Url(url)),
    }
}

fn uploaded(bytes: &Bytes) -> Result<PhotoSource, GraphError> {
    let unreadable = || {
        GraphError::new(1, "(#1) Invalid image").sub(1_366_046).for_user(
            "Can't Read Files",
            "Your photos couldn't be uploaded. Photos should be less than 4 MB and saved as JPG, PNG, GIF, TIFF, HEIF \
             or WebP files.",
        )
    };
    if bytes.len() > MOST_BYTES {
        return Err(unreadable());
    }
    let kind = image_kind(bytes).ok_or_else(unreadable)?;
    Ok(PhotoSource::Bytes(bytes.clone(), kind))
}

pub(super) fn image_kind(bytes: &[u8]) -> Option<&'static str> {
    const MARKS: [(&[u8], &str); 6] = [
        (b"\xFF\xD8\xFF", "image/jpeg"),
        (b"\x89PNG\r\n\x1A\n", "image/png"),
        (b"GIF8", "image/gif"),
        (b"BM", "image/bmp"),
        (b"II*\0", "image/tiff"),
        (b"MM\0*", "image/tiff"),
    ];
    MARKS
        .iter()
        .find(|(mark, _)| bytes.starts_with(mark))
        .map(|(_, kind)| *kind)
}

/// `GET /{photo}`
pub(super) fn read(world: &mut World, request: &Request, id: &str) -> Result<Value, GraphError> {
    let bearer = bearer(world, request)?;
    let photo = world
        .photo(id)
        .cloned()
        .ok_or_else(|| GraphError::no_object("GET", id))?;
    bearer.reading(world, "GET", &photo.page, "pages_read_engagement")?;
    lag(world, request, id)?;
    let values = json!({
        "id": photo.id,
        "name": photo.caption,
        "alt_text_custom": photo.alt_text,
        "alt_text": photo.alt_text,
        "created_time": graph_time(photo.created),
        "images": [{ "height": 720, "width": 720, "source": world.photo_url(&photo) }],
        "link": format!("{}/_sandbox/photos/{}", world.base_url, photo.id),
        // Filled for unpublished photos too, as on the live platform: no sign of being visible.
        "page_story_id": photo.used_by.first().cloned().unwrap_or_else(|| format!("{}_{}", photo.page, photo.id)),
    });
    Node {
        kind: "Photo",
        values: object(values),
        default: &["created_time", "name", "id"],
    }
    .pick(request.fields().as_deref())
}

/// `DELETE /{photo}`: only while no post shows it.
pub(super) fn delete(world: &mut World, request: &Request, id: &str) -> Result<Value, GraphError> {
    let bearer = bearer(world, request)?;
    let gone = || GraphError::no_object("DELETE", id);
    let photo = world.photo(id).cloned().ok_or_else(gone)?;
    bearer.publishing(world, "DELETE", &photo.page)?;
    if !photo.used_by.is_empty() {
        return Err(gone());
    }
    world.photos.remove(id);
    Ok(success())
}
