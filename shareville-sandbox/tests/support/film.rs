//! Films, and the calls that upload them.

use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use shareville_sandbox::{PostKind, demo};

use super::{App, Told};

pub const VIDEOS: &str = "100000000000101/videos";
pub const REELS: &str = "100000000000101/video_reels";
pub const STORIES: &str = "100000000000101/video_stories";

/// A hosted film that a Reel may be made of.
pub const TALL: &str = "https://films.example/a.mp4?width=1080&height=1920&seconds=30&bytes=1000";

/// The head of an MP4 with one track of this picture, and a few bytes of film.
pub fn film(width: u32, height: u32, seconds: u32) -> Vec<u8> {
    let mut movie = vec![0_u8; 100];
    movie[12..16].copy_from_slice(&1_000_u32.to_be_bytes());
    movie[16..20].copy_from_slice(&(seconds * 1_000).to_be_bytes());
    let mut track = vec![0_u8; 84];
    track[40..44].copy_from_slice(&(1_u32 << 16).to_be_bytes());
    track[56..60].copy_from_slice(&(1_u32 << 16).to_be_bytes());
    track[76..80].copy_from_slice(&(width << 16).to_be_bytes());
    track[80..84].copy_from_slice(&(height << 16).to_be_bytes());
    let track = boxed(*b"trak", &boxed(*b"tkhd", &track));
    let movie = boxed(*b"moov", &[boxed(*b"mvhd", &movie), track].concat());
    let head = boxed(*b"ftyp", b"isom\0\0\0\0isom");
    [head, movie, boxed(*b"mdat", &[7; 64])].concat()
}

fn boxed(name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).unwrap();
    [&size.to_be_bytes()[..], &name, content].concat()
}

impl App {
    /// A session on this edge: the video's id, and where its bytes go.
    pub async fn session(&self, edge: &str, token: &str) -> (String, String) {
        let told = self.post(edge, token, &[("upload_phase", "start")]).await;
        (told.text("video_id"), told.text("upload_url"))
    }

    /// A call to rupload without headers and body.
    pub fn upload(&self, url: &str, token: &str) -> RequestBuilder {
        self.http
            .post(url)
            .header("Authorization", format!("OAuth {token}"))
    }

    /// Bytes to rupload, from this offset on.
    pub fn bytes(&self, url: &str, token: &str, film: &[u8], offset: usize) -> RequestBuilder {
        self.upload(url, token)
            .header("offset", offset)
            .header("file_size", film.len())
            .body(film[offset..].to_vec())
    }

    /// A session on this edge that has its hosted file.
    pub async fn filled(&self, edge: &str, token: &str, file: &str) -> String {
        let (video, url) = self.session(edge, token).await;
        let upload = self.upload(&url, token).header("file_url", file);
        self.send(upload).await.ok();
        video
    }

    pub fn finish(&self, edge: &str, token: &str, video: &str) -> RequestBuilder {
        let mut form = vec![("upload_phase", "finish"), ("video_id", video)];
        if edge == REELS {
            form.extend([("video_state", "PUBLISHED"), ("description", "A reel")]);
        }
        self.request(Method::POST, edge, token).form(&form)
    }

    /// `upload_phase=transfer` of one chunk.
    pub fn chunk(&self, token: &str, session: &str, offset: &str, bytes: &[u8]) -> RequestBuilder {
        let form = Form::new()
            .text("upload_phase", "transfer")
            .text("upload_session_id", session.to_owned())
            .text("start_offset", offset.to_owned())
            .part(
                "video_file_chunk",
                Part::bytes(bytes.to_vec()).file_name("a.mp4"),
            );
        let url = format!(
            "{}/graph-video.facebook.com/v25.0/{VIDEOS}",
            self.sandbox.base_url()
        );
        self.http.post(url).bearer_auth(token).multipart(form)
    }

    pub async fn status(&self, video: &str, token: &str) -> Value {
        let path = format!("{video}?fields=status,published,post_id,permalink_url");
        self.get(&path, token).await.ok()
    }

    /// What a visitor sees: the kinds, newest first.
    pub fn kinds(&self) -> Vec<PostKind> {
        let posts = self.sandbox.visible_posts(demo::BAKERY);
        posts.iter().map(|post| post.kind).collect()
    }
}

impl Told {
    /// The type of an upload's error.
    pub fn upload_error(&self) -> &str {
        self.body["debug_info"]["type"]
            .as_str()
            .unwrap_or_else(|| panic!("no debug_info in {}", self.body))
    }
}
