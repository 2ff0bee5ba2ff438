//! Instagram accounts against the contract of a publisher, on the sandbox, by either login.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::Value;
use shareville::{
    Access, Account, AccountId, Actor, App, Clock, ConnectionId, Content, Job, Media, Placement,
    Provider, PublicMedia, Publisher, SystemClock, TenantId, Timestamp, UserId,
    core::{
        post::{Draft, Moment, Pace, draft},
        publisher_contract,
        testing::publisher::{Harness, publishing},
    },
    meta::{Endpoint, Graph, GraphConfig, InstagramAccounts},
    sandbox::{Consent, Effect, Fault, NewInstagramAccount, NewPage, Sandbox, Step, demo},
};
use url::Url;

const CALLBACK: &str = "https://site.example/callback";

const BY_FACEBOOK: &str = "pages_show_list,pages_read_engagement,instagram_basic,instagram_content_publish,\
     instagram_manage_comments,instagram_manage_contents";

const BY_INSTAGRAM: &str = "instagram_business_basic,instagram_business_content_publish,\
     instagram_business_manage_comments";

/// By which login the accounts come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Login {
    Facebook,
    Instagram,
}

struct Instagram {
    sandbox: Sandbox,
    publisher: InstagramAccounts,
    http: reqwest::Client,
    login: Login,
    content: Content,
}

async fn instagram(login: Login, content: Content) -> Instagram {
    let sandbox = Sandbox::start().await.unwrap();
    let endpoint = Endpoint::at(sandbox.base_url().parse().unwrap()).unwrap();
    let graph = Graph::new(GraphConfig::new().with_endpoint(endpoint)).unwrap();
    Instagram {
        sandbox,
        publisher: InstagramAccounts::new(graph),
        http: reqwest::Client::new(),
        login,
        content,
    }
}

fn picture() -> Content {
    Content {
        media: vec![Media::image("https://media.example/cake.jpg")],
        ..Content::text("what the contract publishes")
    }
}

fn film(placement: Placement) -> Content {
    Content {
        media: vec![Media::video("https://media.example/cake.mp4")],
        placement,
        ..picture()
    }
}

fn carousel() -> Content {
    let mut content = picture();
    content.media.extend(film(Placement::Feed).media);
    content.media.extend(picture().media);
    content
}

fn story() -> Content {
    Content {
        caption: None,
        placement: Placement::Story,
        ..picture()
    }
}

impl Instagram {
    fn app(&self) -> App {
        let (id, secret) = match self.login {
            Login::Facebook => ("300000000000003", "an app secret"),
            Login::Instagram => ("990011223344", "an instagram secret"),
        };
        App {
            id: id.to_owned(),
            secret: secret.into(),
        }
    }

    fn at(&self, path: &str) -> String {
        format!("{}/{path}", self.sandbox.base_url())
    }

    /// Clicks through a dialog, and gives the code.
    fn code(&self, dialog: &str, scopes: &str, consent: &Consent) -> String {
        let app = self.app();
        let query = [
            ("client_id", app.id.as_str()),
            ("redirect_uri", CALLBACK),
            ("state", "state"),
            ("response_type", "code"),
            ("scope", scopes),
        ];
        let url = Url::parse_with_params(&self.at(dialog), query).unwrap();
        let back = self.sandbox.approve(url.as_str(), consent).unwrap();
        let back: Url = back.parse().unwrap();
        let code = back.query_pairs().find(|(name, _)| name == "code");
        code.unwrap().1.into_owned()
    }

    async fn told(&self, request: reqwest::RequestBuilder) -> Value {
        let answer = request.send().await.unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    }

    async fn exchange(&self, code: &str, path: &str) -> SecretString {
        use secrecy::ExposeSecret as _;

        let app = self.app();
        let form = [
            ("client_id", app.id.as_str()),
            ("client_secret", app.secret.expose_secret()),
            ("grant_type", "authorization_code"),
            ("redirect_uri", CALLBACK),
            ("code", code),
        ];
        let told = self.told(self.http.post(self.at(path)).form(&form)).await;
        let token = told["access_token"].as_str();
        token.unwrap_or_else(|| panic!("{told}")).into()
    }

    /// An account that is linked to a Page, and that Page's token.
    async fn linked(&self) -> (String, SecretString) {
        use secrecy::ExposeSecret as _;

        let page = NewPage::new("A Page of its own").managed_by(demo::ADA);
        let page = self.sandbox.add_page(page).unwrap();
        let account = NewInstagramAccount::new("own.account").linked_to(&page);
        let account = self.sandbox.add_instagram(account).unwrap();
        let consent = Consent::all().with_later_pages();
        let code = self.code("www.facebook.com/v25.0/dialog/oauth", BY_FACEBOOK, &consent);
        let person = self
            .exchange(&code, "graph.facebook.com/v25.0/oauth/access_token")
            .await;
        let list = self.at("graph.facebook.com/v25.0/me/accounts?fields=id,access_token&limit=100");
        let list = self
            .told(self.http.get(list).bearer_auth(person.expose_secret()))
            .await;
        let mut pages = list["data"].as_array().unwrap().iter();
        let found = pages.find(|found| found["id"] == *page).unwrap();
        (account, found["access_token"].as_str().unwrap().into())
    }

    /// An account that logged in by itself, and its token.
    async fn alone(&self) -> (String, SecretString) {
        let account = NewInstagramAccount::new("own.account").used_by(demo::ADA);
        let account = self.sandbox.add_instagram(account).unwrap();
        let consent = Consent::all().as_instagram(&account);
        let code = self.code("www.instagram.com/oauth/authorize", BY_INSTAGRAM, &consent);
        let token = self
            .exchange(&code, "api.instagram.com/oauth/access_token")
            .await;
        (account, token)
    }
}

#[async_trait]
impl Harness for Instagram {
    fn publisher(&self) -> &dyn Publisher {
        &self.publisher
    }

    fn content(&self) -> Content {
        self.content.clone()
    }

    async fn job(&self, content: Content) -> Job {
        let (platform_id, token) = match self.login {
            Login::Facebook => self.linked().await,
            Login::Instagram => self.alone().await,
        };
        let now = SystemClock.now();
        let account = Account {
            id: AccountId::generate(),
            tenant: TenantId::generate(),
            connection: ConnectionId::generate(),
            user: UserId::new("ada"),
            provider: Provider::instagram(),
            platform_id,
            name: "Ada's".to_owned(),
            username: Some("own.account".to_owned()),
            category: None,
            picture: None,
            can_publish: true,
            problems: Vec::new(),
            token: None,
            created_at: now,
            updated_at: now,
        };
        let moment = Moment {
            now,
            actor: Actor::Host,
            pace: Pace::default(),
        };
        let new = Draft {
            account: &account,
            group: None,
            content,
            metadata: serde_json::Map::new(),
            give_up_after: Duration::from_secs(60),
        };
        let (post, _) = draft(new, &moment);
        Job {
            post: Arc::new(post),
            account: Arc::new(account),
            access: Access {
                token,
                app: self.app(),
                login: match self.login {
                    Login::Facebook => Provider::facebook(),
                    Login::Instagram => Provider::instagram(),
                },
            },
            media: Arc::new(PublicMedia),
            resumed: false,
        }
    }

    async fn visible(&self, job: &Job) -> usize {
        self.sandbox.quiet().await;
        self.sandbox.visible_media(&job.account.platform_id).len()
    }

    async fn lose_the_next_commits_answer(&self) {
        self.sandbox
            .arm(Fault::on(Step::PublishMedia, Effect::LoseAnswer));
    }

    async fn wait_until(&self, until: Timestamp) {
        SystemClock.sleep_until(until).await;
    }
}

async fn pictures() -> Instagram {
    instagram(Login::Facebook, picture()).await
}

publisher_contract!(pictures);

#[tokio::test]
async fn every_kind_should_keep_the_contract_by_either_login() {
    let contents = [
        picture(),
        carousel(),
        film(Placement::Feed),
        film(Placement::Reel),
        story(),
    ];
    let kept = contents.into_iter().flat_map(|content| {
        [Login::Facebook, Login::Instagram].map(|login| {
            let content = content.clone();
            async move {
                let on = instagram(login, content).await;
                publishing::should_leave_nothing_visible_by_preparing(&on).await;
                publishing::should_prepare_again_without_harm(&on).await;
                publishing::should_find_it_absent_before_and_live_after(&on).await;
            }
        })
    });
    futures::future::join_all(kept).await;
}

#[tokio::test]
async fn a_lost_answer_should_be_found_by_either_login() {
    let contents = [picture(), carousel(), film(Placement::Reel), story()];
    let found = contents.into_iter().flat_map(|content| {
        [Login::Facebook, Login::Instagram].map(|login| {
            let content = content.clone();
            async move {
                let on = instagram(login, content).await;
                publishing::should_find_it_live_after_a_lost_answer(&on).await;
            }
        })
    });
    futures::future::join_all(found).await;
}

#[tokio::test]
async fn a_comment_should_be_found_by_instagrams_own_login_too() {
    let on = instagram(Login::Instagram, picture()).await;
    publishing::should_comment_and_find_the_comment(&on).await;
}

#[tokio::test]
async fn containers_that_cannot_be_read_should_leave_one_post_all_the_same() {
    use shareville::{
        Deadline,
        core::{
            post::{Evidence, Progress},
            publisher::{Committed, Prepared},
        },
    };

    let on = instagram(Login::Facebook, picture()).await;
    let mut switches = on.sandbox.switches();
    switches.container_reads_fail = true;
    on.sandbox.set_switches(switches);
    let job = on.job(picture()).await;
    let mut progress: Option<Progress> = None;
    let progress = loop {
        match on.publisher.prepare(&job, progress.as_ref()).await {
            Prepared::Ready(ready) => break ready,
            Prepared::Continue(next) => progress = Some(next),
            Prepared::Wait {
                progress: next,
                until,
            } => {
                on.wait_until(until).await;
                progress = Some(next);
            }
            other => panic!("{other:?}"),
        }
    };
    let since = on.now();
    on.lose_the_next_commits_answer().await;
    let deadline = Deadline::after(Duration::from_secs(30));
    let committed = on.publisher.commit(&job, &progress, deadline).await;
    assert!(
        matches!(committed, Committed::Uncertain(_)),
        "{committed:?}"
    );
    // The list proves it, since it is the only one with these words.
    let found = on.publisher.look(&job, &progress, since).await.unwrap();
    assert!(matches!(found, Evidence::Live(_)), "{found:?}");
    assert_eq!(on.visible(&job).await, 1);
}
