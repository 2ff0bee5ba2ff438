//! What is sent, and to whom not: over real connections to this machine.
#![allow(clippy::unwrap_used)]

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use shareville_core::{
    deliver::{Courier, Letter},
    delivery::Trouble,
};
use shareville_outbound::{Addresses, GuardedClient, HttpCourier, Lookup};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// Somebody who listens, and answers every request with the same bytes.
struct Listener {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    async fn answering(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let this = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            heard: Arc::default(),
        };
        let (connections, heard) = (Arc::clone(&this.connections), Arc::clone(&this.heard));
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                connections.fetch_add(1, Ordering::SeqCst);
                let mut request = Vec::new();
                let mut buffer = [0; 4096];
                while !request.ends_with(b"}") {
                    match stream.read(&mut buffer).await {
                        Ok(length) if length > 0 => request.extend(&buffer[..length]),
                        _ => break,
                    }
                    if !request.starts_with(b"POST") {
                        break;
                    }
                }
                let text = String::from_utf8_lossy(&request).into_owned();
                heard.lock().unwrap().push(text);
                // Who asked may have had enough.
                let _ = stream.write_all(&answer).await;
            }
        });
        this
    }

    fn url(&self, host: &str) -> String {
        format!("http://{host}:{}/hook?a=b", self.address.port())
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn letter(url: &str) -> Letter {
    Letter {
        url: url.parse().unwrap(),
        id: "0193".to_owned(),
        timestamp: 1_614_265_330,
        signature: "v1,abc v1,def".to_owned(),
        body: br#"{"type":"post.published"}"#.to_vec(),
    }
}

fn courier(addresses: Addresses) -> HttpCourier {
    HttpCourier::new(GuardedClient::new(addresses).unwrap())
}

async fn send(courier: &HttpCourier, url: &str) -> Result<u16, Trouble> {
    courier.send(&letter(url)).await
}

/// A name whose addresses change with each answer.
#[derive(Debug, Clone)]
struct Rebinding(Arc<Mutex<VecDeque<SocketAddr>>>);

#[async_trait]
impl Lookup for Rebinding {
    async fn lookup(&self, _: &str) -> io::Result<Vec<SocketAddr>> {
        let mut answers = self.0.lock().unwrap();
        Ok(answers.pop_front().into_iter().collect())
    }
}

#[tokio::test]
async fn a_letter_should_be_sent_as_the_standard_wants_it() {
    let listener = Listener::answering(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()).await;
    let sent = send(&courier(Addresses::Any), &listener.url("127.0.0.1")).await;
    assert_eq!(sent, Ok(204));
    let heard = listener.heard.lock().unwrap()[0].clone();
    assert!(heard.starts_with("POST /hook?a=b HTTP/1.1\r\n"), "{heard}");
    for line in [
        "\r\ncontent-type: application/json\r\n",
        "\r\nwebhook-id: 0193\r\n",
        "\r\nwebhook-timestamp: 1614265330\r\n",
        "\r\nwebhook-signature: v1,abc v1,def\r\n",
    ] {
        assert!(heard.contains(line), "{line:?} is not in {heard}");
    }
    assert!(heard.ends_with("\r\n\r\n{\"type\":\"post.published\"}"));
}

#[tokio::test]
async fn a_name_that_changes_its_address_should_not_lead_to_a_private_one() {
    let listener = Listener::answering(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()).await;
    let private = listener.address;
    let public: SocketAddr = "93.184.215.14:0".parse().unwrap();
    let name = Rebinding(Arc::new(Mutex::new([public, private].into())));
    // Whoever looks the name up to check it sees a public address.
    assert_eq!(name.lookup("hooks.example").await.unwrap(), [public]);
    let client = GuardedClient::with_lookup(Addresses::Public, name.clone()).unwrap();
    let courier = HttpCourier::new(client);
    let url = listener.url("hooks.example").replace("http:", "https:");
    assert_eq!(courier.refuses(&url.parse().unwrap()), None);
    assert_eq!(send(&courier, &url).await, Err(Trouble::AddressRefused));
    assert_eq!(listener.connections(), 0, "nothing has connected");
    assert_eq!(send(&courier, &url).await, Err(Trouble::NameUnknown));
}

#[tokio::test]
async fn a_private_address_should_not_be_called() {
    let listener = Listener::answering(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()).await;
    let courier = courier(Addresses::Public);
    for host in ["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "localhost"] {
        let url = listener.url(host).replace("http:", "https:");
        let sent = send(&courier, &url).await;
        assert_eq!(sent, Err(Trouble::AddressRefused), "{host}");
    }
    let plain = send(&courier, &listener.url("hooks.example")).await;
    assert_eq!(plain, Err(Trouble::AddressRefused), "it is not https");
    assert_eq!(listener.connections(), 0);
}

#[tokio::test]
async fn a_redirect_should_be_an_answer_and_not_be_followed() {
    let other = Listener::answering(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
    let to = other.url("127.0.0.1");
    let answer =
        format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
    let listener = Listener::answering(answer.into_bytes()).await;
    let sent = send(&courier(Addresses::Any), &listener.url("127.0.0.1")).await;
    assert_eq!(sent, Ok(307));
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn a_huge_answer_should_not_be_read_and_its_status_count() {
    let mut answer =
        b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 1000000000\r\n\r\n".to_vec();
    answer.resize(answer.len() + 1_000_000, b'x');
    let listener = Listener::answering(answer).await;
    let courier = courier(Addresses::Any);
    let url = listener.url("127.0.0.1");
    let sent = send(&courier, &url);
    let sent = tokio::time::timeout(Duration::from_secs(20), sent).await;
    assert_eq!(sent.unwrap(), Ok(500));
}

#[tokio::test]
async fn a_status_should_count_as_soon_as_it_is_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let dawdling = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            assert!(stream.read_buf(&mut request).await.unwrap() > 0);
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        // The body never comes.
        stream
    });
    // Less than what is left for reading the body.
    let patience = Duration::from_millis(900);
    let courier = courier(Addresses::Any);
    let sent = tokio::time::timeout(patience, send(&courier, &url)).await;
    assert_eq!(sent, Ok(Ok(200)));
    drop(dawdling.await.unwrap());
}

#[tokio::test]
async fn connections_whose_answers_dawdle_should_not_pile_up() {
    const SENT: usize = 300;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let open = Arc::clone(&open);
            seen.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.ends_with(b"}") {
                    assert!(stream.read_buf(&mut request).await.unwrap() > 0);
                }
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n";
                stream.write_all(answer).await.unwrap();
                // The body never comes: it is closed by who has asked.
                let _ = stream.read_buf(&mut request).await;
                open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    let courier = courier(Addresses::Any);
    for _ in 0..SENT {
        assert_eq!(send(&courier, &url).await, Ok(200));
    }
    let most = most.load(Ordering::SeqCst);
    assert!(most < SENT / 2, "{most} connections were open at once");
}

#[tokio::test]
async fn trouble_should_be_told_apart() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let courier = courier(Addresses::Any);
    let sent = send(&courier, &format!("http://127.0.0.1:{port}/")).await;
    assert_eq!(sent, Err(Trouble::NotConnected));
    let mute = Listener::answering(Vec::new()).await;
    let sent = send(&courier, &mute.url("127.0.0.1")).await;
    assert_eq!(sent, Err(Trouble::NoAnswer));
    assert_eq!(mute.connections(), 1, "it is not sent again by itself");
    // It speaks no TLS.
    let url = mute.url("127.0.0.1").replace("http:", "https:");
    assert_eq!(send(&courier, &url).await, Err(Trouble::NotConnected));
}
