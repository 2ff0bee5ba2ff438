//! Media by bytes: uploaded by who may post, fetched by whoever knows their address.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Poll, ready},
    time::{Duration, Instant},
};

use axum::{
    Json,
    body::{Body, Bytes, HttpBody as _},
    extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request, State, multipart::Field},
    response::{IntoResponse, Response},
};
use futures::{Stream, StreamExt as _, stream::BoxStream};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use shareville_core::{id::UserId, media::Upload, upload::NewUpload, violation::Violation};
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt as _},
    routes,
};

use crate::{
    Api,
    credential::CallerAuth,
    dto,
    openapi::{Conflict, Unavailable, UploadQuery},
    problem::Problem,
    query::{InAddress, InPath, Query},
    range::Wanted,
    whole_body::BodyLimits,
};

/// How long an upload may take as a whole.
const WHOLE: Duration = Duration::from_secs(3600);

/// How many bytes of a form may come before its file begins.
const FORM_HEAD: usize = 64 * 1024;

/// The file of a form does not begin.
#[derive(Debug, thiserror::Error)]
#[error("more than 64 KiB came before the file began")]
struct LongHead;

/// A page that is made of an upload runs nothing, and has no origin whose cookies it could read.
const SANDBOX: HeaderValue = HeaderValue::from_static("sandbox");

/// It never changes, but may be erased: caches that others share would go on showing it.
const CACHE: HeaderValue = HeaderValue::from_static("private, max-age=3600, immutable");

/// Those for who may post.
pub(super) fn routes() -> OpenApiRouter<Api> {
    // Its size is limited piece by piece, as it comes.
    OpenApiRouter::new().routes(routes!(create).layer(DefaultBodyLimit::disable()))
}

/// Those for everybody.
pub(super) fn public_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(serve))
}

/// What the address of an upload ends with.
#[derive(Debug)]
struct Token(String);

impl InPath for Token {
    const NAME: &'static str = "token";
    const NOUN: &'static str = "upload";

    fn read(text: &str) -> Option<Self> {
        Some(Self(text.to_owned()))
    }
}

/// Uploads a picture or film, to be named in posts by its `id`: the bytes themselves, or a form with a file in it.
#[utoipa::path(
    post,
    path = "/media",
    operation_id = "uploadMedia",
    params(UploadQuery),
    request_body(
        description = "The file.",
        content(
            (dto::upload::File = "image/*"),
            (dto::upload::File = "video/*"),
            (dto::upload::File = "application/octet-stream"),
            (dto::upload::Form = "multipart/form-data"),
        )
    ),
    security(("apiKey" = ["posts:write"])),
    responses(
        (status = 201, description = "It is there.", body = dto::upload::Upload),
        Conflict,
    )
)]
async fn create(auth: CallerAuth, query: Query, request: Request) -> Result<Response, Problem> {
    let user = query.read(|query| query.text("userId").map(UserId::new))?;
    let limits: BodyLimits = request.extensions().get().copied().unwrap_or_default();
    let content_type = text(request.headers(), &header::CONTENT_TYPE).map(str::to_owned);
    let essence = content_type.as_deref().and_then(|it| it.split(';').next());
    let is_form = essence.is_some_and(|it| it.trim().eq_ignore_ascii_case("multipart/form-data"));
    let uploading = auth.shareville.uploads(&auth.caller);
    uploading.allowed()?;
    let length = request.body().size_hint().exact();
    let upload = if is_form {
        let max_bytes = auth.shareville.settings().uploads.max_bytes;
        let began = Arc::new(AtomicBool::new(false));
        let request = request.map(|body| form_body(body, Arc::clone(&began)));
        let mut form = Multipart::from_request(request, &())
            .await
            .map_err(|refused| malformed(refused.body_text()))?;
        let file = file(&mut form, limits.time).await?;
        began.store(true, Ordering::Relaxed);
        let new = NewUpload {
            user,
            // It is a little shorter than the form.
            announced: length.map(|length| length.min(max_bytes)),
            content_type: file.content_type().map(str::to_owned),
        };
        uploading.receive(new, pieces(file, limits.time)).await?
    } else {
        let new = NewUpload {
            user,
            announced: length,
            content_type,
        };
        let pieces = pieces(request.into_body().into_data_stream(), limits.time);
        uploading.receive(new, pieces).await?
    };
    let shown = dto::upload::Upload::new(&upload, auth.shareville.api_url());
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn malformed(why: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed_form", why)
}

fn too_slow(time: Duration) -> Problem {
    let seconds = time.as_secs_f64();
    let detail =
        format!("nothing more of the file came within {seconds} seconds: send it again, faster");
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", detail)
}

/// A form's body for its reader, which takes into memory all that it gets at once, and all that comes before the file:
/// it gets one piece at a time, and no end of them before the file has begun.
fn form_body(body: Body, file_began: Arc<AtomicBool>) -> Body {
    let mut pieces = body.into_data_stream();
    let (mut before, mut has_had_one) = (0_usize, false);
    Body::from_stream(futures::stream::poll_fn(move |cx| {
        if std::mem::take(&mut has_had_one) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if before > FORM_HEAD && !file_began.load(Ordering::Relaxed) {
            return Poll::Ready(Some(Err(axum::Error::new(LongHead))));
        }
        let piece = ready!(pieces.poll_next_unpin(cx));
        has_had_one = true;
        if let Some(Ok(piece)) = &piece {
            before = before.saturating_add(piece.len());
        }
        Poll::Ready(piece)
    }))
}

/// The file in a form.
async fn file(form: &mut Multipart, time: Duration) -> Result<Field<'_>, Problem> {
    let next = tokio::time::timeout(time, form.next_field()).await;
    let next = next.map_err(|_| too_slow(time))?;
    let field = next.map_err(|error| malformed(error.body_text()))?;
    let Some(field) = field else {
        let violation = Violation::new("/file", "required", "the form has no `file`");
        return Err(Problem::invalid(vec![violation]));
    };
    if field.file_name().is_some() || field.name() == Some("file") {
        return Ok(field);
    }
    let name = field.name().unwrap_or_default();
    let place = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    let message = "is not known here. Known are: `file`, which comes first";
    Err(Problem::invalid(vec![Violation::new(
        place,
        "unknown_field",
        message,
    )]))
}

/// A file's bytes as they come, for as long as they do.
fn pieces<'a, E: 'a>(
    bytes: impl Stream<Item = Result<Bytes, E>> + Send + Unpin + 'a,
    time: Duration,
) -> BoxStream<'a, Result<Bytes, Problem>> {
    let began = Instant::now();
    futures::stream::unfold(bytes, move |mut bytes| async move {
        let piece = next_piece(&mut bytes, began, time).await?;
        Some((piece, bytes))
    })
    .boxed()
}

async fn next_piece<E>(
    bytes: &mut (impl Stream<Item = Result<Bytes, E>> + Send + Unpin),
    began: Instant,
    time: Duration,
) -> Option<Result<Bytes, Problem>> {
    if began.elapsed() > WHOLE {
        return Some(Err(too_slow(WHOLE)));
    }
    match tokio::time::timeout(time, bytes.next()).await {
        Ok(None) => None,
        Ok(Some(Ok(piece))) => Some(Ok(piece)),
        Ok(Some(Err(_))) => Some(Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "incomplete_body",
            "the body ended before it was whole",
        ))),
        Err(_) => Some(Err(too_slow(time))),
    }
}

/// Gives an upload's bytes, or a part of them, to whoever knows its address. `HEAD` is answered too.
#[utoipa::path(
    get,
    path = "/media/{token}",
    operation_id = "getMedia",
    responses(
        (
            status = 200,
            description = "All of it.",
            content((dto::upload::File = "image/*"), (dto::upload::File = "video/*"))
        ),
        (
            status = 206,
            description = "The part that `Range` asks for.",
            content((dto::upload::File = "image/*"), (dto::upload::File = "video/*"))
        ),
        (status = 304, description = "It is as `If-None-Match` names it."),
        (status = 416, description = "`Range` asks for what lies beyond its end."),
        Unavailable,
    )
)]
async fn serve(
    State(api): State<Api>,
    InAddress(Token(token)): InAddress<Token>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let upload = api.shareville.upload_at(&token).await?;
    let etag = format!("\"{}\"", upload.id);
    let seen = text(&headers, &header::IF_NONE_MATCH);
    let is_seen = |seen: &str| {
        let mut tags = seen.split(',').map(str::trim);
        tags.any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
    };
    if seen.is_some_and(is_seen) {
        return told(StatusCode::NOT_MODIFIED, &etag, Body::empty());
    }
    // `Range` has a meaning for `GET` alone.
    let wanted = match method == Method::GET {
        true => Wanted::of(&headers, &etag, upload.bytes),
        false => Wanted::Whole,
    };
    let (status, range) = match wanted {
        Wanted::Whole => (StatusCode::OK, 0..upload.bytes),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::Beyond => return beyond(&upload),
    };
    let (first, length) = (range.start, range.end - range.start);
    let body = match method == Method::HEAD {
        true => Body::empty(),
        false => Body::from_stream(api.shareville.read_upload(&upload, range).await?),
    };
    let mut response = told(status, &etag, body)?;
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_static(upload.facts.format.content_type());
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CONTENT_LENGTH, length.into());
    if status == StatusCode::PARTIAL_CONTENT {
        let last = first + length - 1;
        let part = format!("bytes {first}-{last}/{}", upload.bytes);
        headers.insert(header::CONTENT_RANGE, value(&part)?);
    }
    Ok(response)
}

fn value(text: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::try_from(text).map_err(|_| Problem::internal())
}

fn told(status: StatusCode, etag: &str, body: Body) -> Result<Response, Problem> {
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::ETAG, value(etag)?);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, CACHE);
    headers.insert(header::CONTENT_SECURITY_POLICY, SANDBOX);
    Ok(response)
}

fn beyond(upload: &Upload) -> Result<Response, Problem> {
    let bytes = upload.bytes;
    let detail = format!("it has {bytes} bytes, and `Range` asks for what lies beyond them");
    let status = StatusCode::RANGE_NOT_SATISFIABLE;
    let problem = Problem::new(status, "range_not_satisfiable", detail);
    let mut response = problem.into_response();
    let whole = value(&format!("bytes */{bytes}"))?;
    response.headers_mut().insert(header::CONTENT_RANGE, whole);
    Ok(response)
}
