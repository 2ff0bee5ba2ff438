//! Fills a database for the comparison with the peers, as `run` in this folder calls it: 20 websites of 25 Pages each.
//! Prints `{"keys":[…],"pages":[[…]]}`: the key at i is that of the website whose Pages stand at i.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::expect_used)]

#[path = "../stage/mod.rs"]
mod stage;

use secrecy::ExposeSecret as _;
use serde_json::json;
use shareville::Keyring;

#[tokio::main]
async fn main() {
    let variable = |name| std::env::var(name).expect(name);
    let number = |name| variable(name).parse::<usize>().expect(name);
    let store = stage::open(&variable("SHAREVILLE_STORE")).await;
    let keyring = Keyring::parse(&variable("SHAREVILLE_ENCRYPTION_KEYS")).unwrap();
    let shareville = stage::shareville(store, &keyring, "http://127.0.0.1:9");
    let (mut keys, mut pages) = (Vec::new(), Vec::new());
    for website in 0..number("TENANTS") {
        let website =
            stage::website(&shareville, &keyring, website, number("PAGES_PER_TENANT")).await;
        keys.push(website.key.expose_secret().to_owned());
        let ids = website
            .accounts
            .iter()
            .map(|account| account.id.to_string());
        pages.push(ids.collect::<Vec<_>>());
    }
    println!("{}", json!({ "keys": keys, "pages": pages }));
}
