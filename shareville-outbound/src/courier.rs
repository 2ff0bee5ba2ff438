//! Delivers webhooks.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use reqwest::{Method, Response};
use shareville_core::{
    deliver::{Courier, Letter},
    delivery::Trouble,
};
use tokio::sync::Semaphore;
use url::Url;

use crate::client::{GuardedClient, Refused};

/// How much of an answer is read, so that its connection can be used again; none of it is kept.
const DRAINED: usize = 4 * 1024;

/// How long reading that may take.
const DRAIN: Duration = Duration::from_secs(1);

/// How many answers are read at once after their status has come; of any beyond, the connection is closed.
const MOST_DRAINED: usize = 64;

/// Sends letters by HTTP, as the Standard Webhooks want it.
#[derive(Debug, Clone)]
pub struct HttpCourier {
    client: GuardedClient,
    draining: Arc<Semaphore>,
}

impl HttpCourier {
    /// A courier that calls with this client.
    #[must_use]
    pub fn new(client: GuardedClient) -> Self {
        Self {
            client,
            draining: Arc::new(Semaphore::new(MOST_DRAINED)),
        }
    }
}

#[async_trait]
impl Courier for HttpCourier {
    fn refuses(&self, url: &Url) -> Option<String> {
        self.client.check(url).err().map(|it| it.to_string())
    }

    async fn send(&self, letter: &Letter) -> Result<u16, Trouble> {
        let request = self
            .client
            .request(Method::POST, &letter.url)
            .map_err(|_| Trouble::AddressRefused)?;
        let sent = request
            .header("content-type", "application/json")
            .header("webhook-id", &letter.id)
            .header("webhook-timestamp", letter.timestamp.to_string())
            .header("webhook-signature", &letter.signature)
            .body(letter.body.clone())
            .send()
            .await;
        let answer = sent.map_err(|error| trouble(&error))?;
        let status = answer.status().as_u16();
        // The answer is there, however long its body takes: whoever sends counts that time.
        if let Ok(permit) = Arc::clone(&self.draining).try_acquire_owned() {
            tokio::spawn(async move {
                drain(answer).await;
                drop(permit);
            });
        }
        Ok(status)
    }
}

/// Reads a little of the answer. However that ends, the status is what counts.
async fn drain(mut answer: Response) {
    let read = async {
        let mut left = DRAINED;
        while let Ok(Some(chunk)) = answer.chunk().await {
            match left.checked_sub(chunk.len()) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    let _ = tokio::time::timeout(DRAIN, read).await;
}

fn trouble(error: &reqwest::Error) -> Trouble {
    match Refused::behind(error) {
        Some(Refused::NameUnknown) => Trouble::NameUnknown,
        Some(_) => Trouble::AddressRefused,
        None if error.is_timeout() => Trouble::TimedOut,
        None if error.is_connect() => Trouble::NotConnected,
        None => Trouble::NoAnswer,
    }
}
