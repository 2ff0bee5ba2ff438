//! A network where tenants register no app: they all share the connector's.

use std::sync::Arc;

use shareville_core::{
    Shareville,
    clock::{Clock, ManualClock},
    connect::{Callback, LandingStatus, NewLogin},
    engine::Engine,
    id::{OwnerId, Provider},
    post::Content,
    posting::PostInput,
    secret::Keyring,
    store::{MemoryStore, PageRequest},
    tenancy::TenantInput,
    tenant::App,
    testing::{
        network::{FakeConnector, FakeNetwork, Manners, granted},
        store::START,
    },
};

#[tokio::test]
async fn a_tenant_without_an_app_of_its_own_should_connect_and_publish() {
    let elsewhere = Provider::new("elsewhere");
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(START));
    let network = FakeNetwork::named(elsewhere.clone(), Arc::clone(&clock), Manners::default());
    let connector = FakeConnector::new(elsewhere.clone()).with_shared_app(App {
        id: "everybody's app".to_owned(),
        secret: "its secret".into(),
    });
    let store = Arc::new(MemoryStore::new(Arc::clone(&clock)));
    let api_url = "https://share.example/".parse().unwrap();
    let shareville = Shareville::builder(store, Keyring::ephemeral(), api_url)
        .clock(clock)
        .publisher(network.clone())
        .connector(connector.clone())
        .build()
        .unwrap();
    let owner = OwnerId::new("owner");
    let input = TenantInput {
        name: Some("Bakery".to_owned()),
        ..TenantInput::default()
    };
    let tenant = shareville.tenancy(&owner).create(input).await.unwrap();
    let caller = shareville.on_behalf_of(tenant.tenant.id).await.unwrap();

    let connections = shareville.connections(&caller);
    let login = NewLogin {
        provider: elsewhere.clone(),
        user: Some("maria".into()),
        redirect_uri: None,
        confirm: false,
    };
    let begun = connections.begin(login).await.unwrap();
    let sent = |name: &str| {
        let found = begun.url.query_pairs().find(|(key, _)| key == name);
        found.unwrap().1.into_owned()
    };
    assert_eq!(sent("client_id"), "everybody's app");
    connector.grant("code", granted(&elsewhere, "maria", "token", &["page-1"]));
    let callback = Callback {
        state: Some(sent("state")),
        code: Some("code".into()),
        ..Callback::default()
    };
    let landing = shareville.finish_login(&elsewhere, callback).await.unwrap();
    let LandingStatus::Connected { connection } = landing.status else {
        panic!("not connected: {landing:?}")
    };
    let page = PageRequest::first(1);
    let accounts = connections.accounts(connection, page).await.unwrap();

    let posts = shareville.posts(&caller);
    let input = PostInput {
        account: accounts.items[0].id.to_string(),
        content: Content::text("Fresh bread"),
        ..PostInput::default()
    };
    let post = posts.create(input).await.unwrap();
    posts.publish(post.id.into(), false).await.unwrap();
    Engine::new(shareville.clone()).tick().await.unwrap();
    assert_eq!(network.visible_of(post.id), 1);
}
