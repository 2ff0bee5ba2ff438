//! Facebook Pages against the contract of a publisher, on the sandbox.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use secrecy::SecretString;
use shareville::{
    Access, Account, AccountId, Actor, App, Authorize, Clock, ConnectionId, Connector, Content,
    Job, Provider, PublicMedia, Publisher, SystemClock, TenantId, Timestamp, UserId,
    core::{
        post::{Draft, Moment, Pace, draft},
        publisher_contract,
        testing::publisher::Harness,
    },
    meta::{Endpoint, FacebookLogin, FacebookPages, Graph, GraphConfig, LoginConfig},
    sandbox::{Consent, Effect, Fault, NewPage, Sandbox, Step, demo},
};
use url::Url;

const CALLBACK: &str = "https://site.example/callback";

struct Pages {
    sandbox: Sandbox,
    publisher: FacebookPages,
    login: FacebookLogin,
    app: App,
    token: SecretString,
}

async fn pages() -> Pages {
    let sandbox = Sandbox::start().await.unwrap();
    let endpoint = Endpoint::at(sandbox.base_url().parse().unwrap()).unwrap();
    let graph = Graph::new(GraphConfig::new().with_endpoint(endpoint)).unwrap();
    let login = FacebookLogin::new(graph.clone(), LoginConfig::new());
    let app = App {
        id: "300000000000003".to_owned(),
        secret: "an app secret".into(),
    };
    let callback: Url = CALLBACK.parse().unwrap();
    let authorize = Authorize {
        redirect_uri: &callback,
        state: &"state".into(),
        ask_again: false,
    };
    let url = login.authorize_url(&app, &authorize);
    let consent = Consent::all().with_later_pages();
    let back: Url = sandbox
        .approve(url.as_str(), &consent)
        .unwrap()
        .parse()
        .unwrap();
    let code = back
        .query_pairs()
        .find(|(name, _)| name == "code")
        .unwrap()
        .1
        .into_owned();
    let granted = login.exchange(&app, &code.into(), &callback).await.unwrap();
    Pages {
        sandbox,
        publisher: FacebookPages::new(graph),
        login,
        app,
        token: granted.token,
    }
}

#[async_trait]
impl Harness for Pages {
    fn publisher(&self) -> &dyn Publisher {
        &self.publisher
    }

    fn content(&self) -> Content {
        Content::text("what the contract publishes")
    }

    async fn job(&self, content: Content) -> Job {
        let page = NewPage::new("A Page of its own").managed_by(demo::ADA);
        let page = self.sandbox.add_page(page).unwrap();
        let granted = self.login.inspect(&self.app, &self.token).await.unwrap();
        let found = granted
            .accounts
            .into_iter()
            .find(|found| found.platform_id == page)
            .unwrap();
        let now = SystemClock.now();
        let account = Account {
            id: AccountId::generate(),
            tenant: TenantId::generate(),
            connection: ConnectionId::generate(),
            user: UserId::new("ada"),
            provider: Provider::facebook(),
            platform_id: page,
            name: found.name,
            username: found.username,
            category: found.category,
            picture: found.picture,
            can_publish: found.problems.is_empty(),
            problems: found.problems,
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
                token: found.token.unwrap(),
                app: self.app.clone(),
                login: Provider::facebook(),
            },
            media: Arc::new(PublicMedia),
            resumed: true,
        }
    }

    async fn visible(&self, job: &Job) -> usize {
        self.sandbox.quiet().await;
        self.sandbox.visible_posts(&job.account.platform_id).len()
    }

    async fn lose_the_next_commits_answer(&self) {
        self.sandbox
            .arm(Fault::on(Step::PublishPost, Effect::LoseAnswer));
    }

    async fn wait_until(&self, until: Timestamp) {
        SystemClock.sleep_until(until).await;
    }
}

publisher_contract!(pages);
