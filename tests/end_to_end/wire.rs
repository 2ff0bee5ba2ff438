//! HTTP by hand, for what a well-behaved client never does.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{PATIENCE, Server};

/// One connection.
pub(crate) struct Wire(TcpStream);

/// What came back, as it was sent.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    /// Whether the server said that it closes the connection.
    pub(crate) fn closes(&self) -> bool {
        self.head.contains("\r\nconnection: close")
    }
}

impl Wire {
    /// Connects; `None` where nobody listens.
    pub(crate) async fn to(server: &Server) -> Option<Self> {
        let address = server.url.replace("http://localhost", "127.0.0.1");
        TcpStream::connect(address).await.ok().map(Self)
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.0.write_all(bytes.as_ref()).await
    }

    /// A whole request without a body.
    pub(crate) async fn get(&mut self, path: &str) -> std::io::Result<()> {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"))
            .await
    }

    /// Reads one answer; `None` where the connection ends without one.
    pub(crate) async fn reply(&mut self) -> Option<Reply> {
        timeout(PATIENCE, self.read())
            .await
            .expect("no answer in time")
    }

    async fn read(&mut self) -> Option<Reply> {
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
            if let Some((head, _)) = text.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "))
                    .map_or(0, |length| length.parse().unwrap());
                let body = head.len() + 4;
                if bytes.len() >= body + length {
                    let body = String::from_utf8_lossy(&bytes[body..body + length]);
                    return Some(Reply {
                        status: head[9..12].parse().unwrap(),
                        head: head.to_owned(),
                        body: body.into_owned(),
                    });
                }
            }
            if self.0.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// Waits until the server has closed the connection, reading on.
    pub(crate) async fn closed(&mut self) {
        let mut scrap = vec![0; 64 * 1024];
        let closed = async { while matches!(self.0.read(&mut scrap).await, Ok(1..)) {} };
        timeout(PATIENCE, closed).await.expect("it stays open");
    }
}
