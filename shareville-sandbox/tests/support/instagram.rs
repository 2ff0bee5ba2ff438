//! What an app does with Instagram, on both hosts.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use shareville_sandbox::{Consent, demo};
use url::Url;

use super::{App, REDIRECT, Told, value};

pub const INSTAGRAM_APP: &str = "990011223344";
pub const INSTAGRAM_SECRET: &str = "instagram-secret";
pub const INSTAGRAM_SCOPES: &str = "instagram_business_basic,instagram_business_content_publish,instagram_business_manage_comments";
/// What Facebook Login asks for, to publish to an Instagram account that is linked to a Page.
pub const LINKED_SCOPES: &str = "pages_show_list,pages_read_engagement,instagram_basic,instagram_content_publish,instagram_manage_comments,instagram_manage_contents";
pub const PHOTO: &str = "https://media.example/cake.jpg";
pub const CLIP: &str = "https://media.example/cake.mp4";

/// An Instagram account, by one of the two ways to it.
pub struct Account<'a> {
    app: &'a App,
    pub host: &'static str,
    pub id: &'static str,
    pub token: String,
}

impl App {
    pub fn instagram_dialog(&self, scopes: &str) -> String {
        let base = format!(
            "{}/www.instagram.com/oauth/authorize",
            self.sandbox.base_url()
        );
        let query = [
            ("client_id", INSTAGRAM_APP),
            ("redirect_uri", REDIRECT),
            ("state", "st&te"),
            ("response_type", "code"),
            ("scope", scopes),
        ];
        Url::parse_with_params(&base, query).unwrap().into()
    }

    pub fn instagram_code(&self, scopes: &str, consent: &Consent) -> String {
        let dialog = self.instagram_dialog(scopes);
        let back = Url::parse(&self.sandbox.approve(&dialog, consent).unwrap()).unwrap();
        value(&back, "code").unwrap()
    }

    pub async fn instagram_exchange(&self, fields: &[(&str, &str)]) -> Told {
        let url = format!(
            "{}/api.instagram.com/oauth/access_token",
            self.sandbox.base_url()
        );
        self.send(self.http.post(url).form(fields)).await
    }

    pub async fn instagram_exchange_code(&self, code: &str) -> Told {
        self.instagram_exchange(&[
            ("client_id", INSTAGRAM_APP),
            ("client_secret", INSTAGRAM_SECRET),
            ("grant_type", "authorization_code"),
            ("redirect_uri", REDIRECT),
            ("code", code),
        ])
        .await
    }

    /// A call on `graph.instagram.com`, its version in the path if it has one.
    pub async fn instagram(&self, method: Method, path: &str, token: &str) -> Told {
        let url = format!("{}/graph.instagram.com/{path}", self.sandbox.base_url());
        self.send(self.http.request(method, url).bearer_auth(token))
            .await
    }

    pub async fn instagram_lengthen(&self, short: &str) -> Told {
        let query = format!(
            "access_token?grant_type=ig_exchange_token&client_secret={INSTAGRAM_SECRET}&access_token={short}"
        );
        let url = format!("{}/graph.instagram.com/{query}", self.sandbox.base_url());
        self.send(self.http.get(url)).await
    }

    pub async fn instagram_refresh(&self, long: &str) -> Told {
        let query = format!("refresh_access_token?grant_type=ig_refresh_token&access_token={long}");
        let url = format!("{}/graph.instagram.com/{query}", self.sandbox.base_url());
        self.send(self.http.get(url)).await
    }

    pub async fn instagram_login(&self, scopes: &str, consent: &Consent) -> String {
        let code = self.instagram_code(scopes, consent);
        let short = self
            .instagram_exchange_code(&code)
            .await
            .text("access_token");
        self.instagram_lengthen(&short).await.text("access_token")
    }

    /// The account that signed in by itself.
    pub async fn standalone(&self) -> Account<'_> {
        let token = self
            .instagram_login(INSTAGRAM_SCOPES, &Consent::all())
            .await;
        Account {
            app: self,
            host: "graph.instagram.com",
            id: demo::STANDALONE_INSTAGRAM,
            token,
        }
    }

    /// The account that is linked to the bakery's Page, with these scopes granted.
    pub async fn linked_with(&self, scopes: &str) -> Account<'_> {
        let token = self.page_token_with(demo::BAKERY, scopes).await;
        Account {
            app: self,
            host: "graph.facebook.com",
            id: demo::BAKERY_INSTAGRAM,
            token,
        }
    }

    /// The account that is linked to the bakery's Page.
    pub async fn linked(&self) -> Account<'_> {
        self.linked_with(LINKED_SCOPES).await
    }

    /// An account by each of the two ways.
    pub async fn both(&self) -> [Account<'_>; 2] {
        [self.standalone().await, self.linked().await]
    }

    /// Turns the sandbox's clock forward.
    pub fn hours_pass(&self, hours: u64) {
        self.sandbox.advance(Duration::from_secs(hours * 3_600));
    }
}

impl Account<'_> {
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/{}/v25.0/{path}", self.app.sandbox.base_url(), self.host);
        self.app.http.request(method, url).bearer_auth(&self.token)
    }

    pub async fn get(&self, path: &str) -> Told {
        self.app.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Told {
        self.app
            .send(self.request(Method::POST, path).form(form))
            .await
    }

    pub async fn delete(&self, path: &str) -> Told {
        self.app.send(self.request(Method::DELETE, path)).await
    }

    /// `POST /{ig}/media`
    pub async fn create(&self, form: &[(&str, &str)]) -> Told {
        self.post(&format!("{}/media", self.id), form).await
    }

    /// A photo's container that can be published.
    pub async fn photo(&self, caption: &str) -> String {
        let form = [("image_url", PHOTO), ("caption", caption)];
        let id = self.create(&form).await.text("id");
        self.finish(&id).await;
        id
    }

    /// Polls until the container is done.
    pub async fn finish(&self, container: &str) {
        for _ in 0..10 {
            let told = self.get(&format!("{container}?fields=status_code")).await;
            if told.text("status_code") == "FINISHED" {
                return;
            }
        }
        panic!("{container} is never finished");
    }

    pub async fn status(&self, container: &str) -> (String, String) {
        let told = self
            .get(&format!("{container}?fields=status_code,status"))
            .await;
        (told.text("status_code"), told.text("status"))
    }

    pub fn publishing(&self, container: &str) -> RequestBuilder {
        self.request(Method::POST, &format!("{}/media_publish", self.id))
            .form(&[("creation_id", container)])
    }

    /// `POST /{ig}/media_publish`
    pub async fn publish(&self, container: &str) -> Told {
        self.app.send(self.publishing(container)).await
    }

    pub fn visible(&self) -> usize {
        self.app.sandbox.visible_media(self.id).len()
    }
}
