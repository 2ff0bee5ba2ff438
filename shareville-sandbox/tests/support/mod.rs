//! A client that does what an app does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    unreachable_pub,
    missing_docs
)]

pub mod film;
pub mod instagram;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use shareville_sandbox::{Consent, Sandbox, demo};
use url::Url;

pub const APP: &str = "4815162342";
pub const SECRET: &str = "app-secret";
pub const REDIRECT: &str = "https://app.example/callback";
pub const SCOPES: &str =
    "pages_show_list,pages_read_engagement,pages_manage_posts,pages_manage_engagement";

/// An answer of the Graph API.
#[derive(Debug)]
pub struct Told {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Told {
    pub fn code(&self) -> i64 {
        self.body["error"]["code"].as_i64().unwrap_or(0)
    }

    pub fn subcode(&self) -> i64 {
        self.body["error"]["error_subcode"].as_i64().unwrap_or(0)
    }

    pub fn text(&self, name: &str) -> String {
        self.body[name]
            .as_str()
            .unwrap_or_else(|| panic!("no {name} in {}", self.body))
            .to_owned()
    }

    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }
}

pub struct App {
    pub sandbox: Sandbox,
    pub http: Client,
}

pub async fn app() -> App {
    app_on(Sandbox::start().await.unwrap())
}

pub fn app_on(sandbox: Sandbox) -> App {
    let http = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    App { sandbox, http }
}

impl App {
    pub fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        let url = format!(
            "{}/graph.facebook.com/v25.0/{path}",
            self.sandbox.base_url()
        );
        let request = self.http.request(method, url);
        if token.is_empty() {
            request
        } else {
            request.bearer_auth(token)
        }
    }

    pub async fn send(&self, request: RequestBuilder) -> Told {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        Told {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        }
    }

    pub async fn get(&self, path: &str, token: &str) -> Told {
        self.send(self.request(Method::GET, path, token)).await
    }

    pub async fn post(&self, path: &str, token: &str, form: &[(&str, &str)]) -> Told {
        self.send(self.request(Method::POST, path, token).form(form))
            .await
    }

    pub async fn delete(&self, path: &str, token: &str) -> Told {
        self.send(self.request(Method::DELETE, path, token)).await
    }

    pub fn dialog(&self, scopes: &str) -> String {
        let base = format!(
            "{}/www.facebook.com/v25.0/dialog/oauth",
            self.sandbox.base_url()
        );
        let query = [
            ("client_id", APP),
            ("redirect_uri", REDIRECT),
            ("state", "st&te"),
            ("response_type", "code"),
            ("scope", scopes),
        ];
        Url::parse_with_params(&base, query).unwrap().into()
    }

    pub fn code(&self, scopes: &str, consent: &Consent) -> String {
        let back = self.sandbox.approve(&self.dialog(scopes), consent).unwrap();
        let back = Url::parse(&back).unwrap();
        assert_eq!(value(&back, "state").as_deref(), Some("st&te"));
        value(&back, "code").unwrap()
    }

    pub async fn exchange(&self, code: &str) -> Told {
        let form = [
            ("client_id", APP),
            ("client_secret", SECRET),
            ("redirect_uri", REDIRECT),
            ("code", code),
        ];
        self.post("oauth/access_token", "", &form).await
    }

    pub async fn lengthen(&self, short: &str) -> Told {
        let form = [
            ("grant_type", "fb_exchange_token"),
            ("client_id", APP),
            ("client_secret", SECRET),
            ("fb_exchange_token", short),
        ];
        self.post("oauth/access_token", "", &form).await
    }

    pub async fn login(&self, scopes: &str, consent: &Consent) -> String {
        let short = self
            .exchange(&self.code(scopes, consent))
            .await
            .text("access_token");
        self.lengthen(&short).await.text("access_token")
    }

    pub async fn page_token(&self, page: &str) -> String {
        self.page_token_with(page, SCOPES).await
    }

    pub async fn page_token_with(&self, page: &str, scopes: &str) -> String {
        let user = self.login(scopes, &Consent::all()).await;
        self.get(&format!("{page}?fields=access_token"), &user)
            .await
            .text("access_token")
    }

    pub async fn bakery(&self) -> String {
        self.page_token(demo::BAKERY).await
    }

    /// A hidden post of this text.
    pub async fn draft(&self, token: &str, message: &str) -> String {
        let path = format!("{}/feed", demo::BAKERY);
        self.post(
            &path,
            token,
            &[("message", message), ("published", "false")],
        )
        .await
        .text("id")
    }

    pub fn publish(&self, token: &str, post: &str) -> RequestBuilder {
        self.request(Method::POST, post, token)
            .form(&[("is_published", "true")])
    }

    pub fn visible(&self) -> usize {
        self.sandbox.visible_posts(demo::BAKERY).len()
    }
}

pub fn value(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}
