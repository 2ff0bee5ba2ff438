//! The contract suite, run on the network in memory.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{Harness, publishing::should_leave_one_post_where_a_repeat_is_proven};
use crate::{
    clock::{Clock, ManualClock, Timestamp},
    connection::Account,
    event::Actor,
    id::{AccountId, PostId, Provider, TenantId},
    media::PublicMedia,
    post::{Content, Draft, Moment, Pace, Repeat, draft},
    publisher::{Access, Job, Publisher},
    tenant::App,
    testing::{
        network::{Call, FakeNetwork, Fault, Manners},
        store::{START, new_connection, new_tenant},
    },
};

struct Fake {
    clock: Arc<ManualClock>,
    network: FakeNetwork,
}

#[async_trait]
impl Harness for Fake {
    fn publisher(&self) -> &dyn Publisher {
        &self.network
    }

    fn content(&self) -> Content {
        Content::text("Good morning")
    }

    async fn job(&self, content: Content) -> Job {
        let tenant = new_tenant("owner", START);
        let account = account(tenant.id);
        let moment = Moment {
            now: START,
            actor: Actor::Host,
            pace: Pace::default(),
        };
        let wanted = Draft {
            account: &account,
            group: None,
            content,
            metadata: serde_json::Map::new(),
            give_up_after: tenant.give_up_after,
        };
        Job {
            post: draft(wanted, &moment).0.into(),
            account: account.into(),
            access: Access {
                token: "token".into(),
                app: App {
                    id: "1".to_owned(),
                    secret: "secret".into(),
                },
                login: Provider::facebook(),
            },
            media: Arc::new(PublicMedia),
            resumed: false,
        }
    }

    async fn visible(&self, job: &Job) -> usize {
        let mut visible = self.network.visible();
        visible.retain(|it| it.account == job.account.platform_id);
        visible.len()
    }

    async fn lose_the_next_commits_answer(&self) {
        let nth = u32::try_from(self.network.count(Call::Commit)).unwrap() + 1;
        self.network.on(Call::Commit, nth, Fault::ActAndLoseAnswer);
    }

    async fn wait_until(&self, until: Timestamp) {
        self.clock.set(until);
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

fn account(tenant: TenantId) -> Account {
    let mut tenant_of_it = new_tenant("owner", START);
    tenant_of_it.id = tenant;
    let connection = new_connection(&tenant_of_it, "user", "person");
    Account {
        id: AccountId::generate(),
        tenant,
        connection: connection.id,
        user: connection.user,
        provider: connection.provider,
        platform_id: format!("page-{}", PostId::generate()),
        name: "Bakery".to_owned(),
        username: None,
        category: None,
        picture: None,
        can_publish: true,
        problems: Vec::new(),
        token: None,
        created_at: START,
        updated_at: START,
    }
}

fn fake(manners: Manners) -> Fake {
    let clock = Arc::new(ManualClock::at(START));
    let network = FakeNetwork::with(Arc::<ManualClock>::clone(&clock), manners);
    Fake { clock, network }
}

mod at_once {
    use super::*;

    async fn plain() -> Fake {
        fake(Manners {
            repeat: Repeat::Proven,
            ..Manners::default()
        })
    }

    crate::publisher_contract!(plain);
}

mod in_steps_and_slowly {
    use super::*;

    async fn slow() -> Fake {
        fake(Manners {
            steps: 3,
            processing: Duration::from_secs(30),
            publishing: Duration::from_secs(60),
            ..Manners::default()
        })
    }

    crate::publisher_contract!(slow);
}

#[tokio::test]
#[should_panic(expected = "right: 1")]
async fn should_catch_a_network_whose_repeat_is_wrongly_proven() {
    let wrong = fake(Manners {
        repeat: Repeat::Proven,
        repeat_makes_copies: true,
        ..Manners::default()
    });
    should_leave_one_post_where_a_repeat_is_proven(&wrong).await;
}
