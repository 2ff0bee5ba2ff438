//! Serves a router over connections that nobody can hold for ever, and takes its leave without losing a request.
//!
//! `axum::serve` sets no limits of time; behind a proxy that does, it is enough.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo, response::Response};
use hyper::{
    Request,
    body::Incoming,
    header::{CONNECTION, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    time::Sleep,
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

/// How long requests under way may take to end at shutdown.
const LAST_REQUESTS: Duration = Duration::from_secs(20);

/// How long to wait where a connection could not be taken, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How much of a header is kept before it is refused (hyper asks between reads, so that up to twice as much may pass),
/// and how many fields it may have.
const MAX_HEADER_BYTES: usize = 64 * 1024;
const MAX_HEADER_FIELDS: usize = 100;

/// How long to listen to a client after the last answer, so that it reads that answer before it learns that we are gone.
const LINGER: Duration = Duration::from_secs(2);

/// How much a client may go on sending meanwhile.
const LINGER_BYTES: usize = 16 * 1024 * 1024;

/// How much is read at once of what nobody wants.
const SCRAP: usize = 16 * 1024;

/// When the server is to end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leave {
    /// It is to end: answers tell their connections so.
    pub(crate) begun: CancellationToken,
    /// It is to end without waiting for others to notice.
    pub(crate) hurry: CancellationToken,
}

impl Leave {
    /// Begins at SIGTERM. At SIGINT, which comes from a person, and at a second signal, it hurries too.
    pub(crate) fn at_signals() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        let leave = Self::default();
        let told = leave.clone();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::spawn(async move {
            let patient = tokio::select! {
                _ = terminate.recv() => true,
                _ = interrupt.recv() => false,
            };
            tracing::info!("shutting down: finishing or handing back what is under way");
            told.begun.cancel();
            if patient {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            }
            told.hurry.cancel();
        });
        Ok(leave)
    }
}

/// How patient a server is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// How long a client may take for a header, to begin its next request, or to take any part of an answer.
    pub(crate) client: Duration,
    /// How long, once it is to end, it goes on to take connections: until balancers have noticed.
    pub(crate) drain: Duration,
}

/// Serves until it is told to leave, and everybody who has asked is answered.
pub(crate) async fn serve(listener: TcpListener, app: Router, patience: Patience, leave: &Leave) {
    let connections = TaskTracker::new();
    let closing = CancellationToken::new();
    let take = |(stream, peer)| {
        let serving = Serving {
            app: app.clone(),
            peer,
            patience,
            leaving: leave.begun.clone(),
            closing: closing.clone(),
        };
        connections.spawn(serving.connection(stream));
    };
    let mut drained = pin!(async {
        leave.begun.cancelled().await;
        let _ = tokio::time::timeout(patience.drain, leave.hurry.cancelled()).await;
    });
    loop {
        tokio::select! {
            () = &mut drained => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => take(accepted),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken: trying again");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    // Whoever waits in line has been told that they are connected.
    while let Some(Ok(accepted)) = poll_once(listener.accept()).await {
        take(accepted);
    }
    drop(listener);
    closing.cancel();
    connections.close();
    let ended = tokio::time::timeout(LAST_REQUESTS, connections.wait()).await;
    if ended.is_err() {
        let left = connections.len();
        tracing::warn!(left, "connections were cut off at shutdown");
    }
}

/// What a future has to say at once.
async fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    tokio::select! {
        biased;
        ready = future => Some(ready),
        () = std::future::ready(()) => None,
    }
}

/// One connection.
struct Serving {
    app: Router,
    peer: SocketAddr,
    patience: Patience,
    leaving: CancellationToken,
    closing: CancellationToken,
}

impl Serving {
    async fn connection(self, stream: TcpStream) {
        let answer = service_fn(|request| self.answer(request));
        let mut serving = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                // It runs while a connection is idle, too.
                .header_read_timeout(self.patience.client)
                .max_buf_size(MAX_HEADER_BYTES)
                .max_headers(MAX_HEADER_FIELDS)
                .serve_connection(
                    TokioIo::new(Lingering::new(stream, self.patience.client)),
                    answer,
                )
        );
        let served = tokio::select! {
            // In this order: a request that is here already is begun before the connection is told to end.
            biased;
            served = serving.as_mut() => served,
            () = self.closing.cancelled() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a connection ended badly");
        }
    }

    async fn answer(&self, mut request: Request<Incoming>) -> Result<Response, Infallible> {
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let mut response = self.app.clone().oneshot(request.map(Body::new)).await?;
        if self.leaving.is_cancelled() {
            // The client sends nothing more here, so nothing of it can be lost when the connection closes.
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        Ok(response)
    }
}

/// A stream whose other end must go on reading, and that is closed only after the other end or a while.
///
/// A socket that is closed with unread bytes in it resets the connection, and with that the client may lose the answer
/// it was just given, such as that its body is too large.
struct Lingering {
    stream: Pin<Box<TimeoutStream<TcpStream>>>,
    closing: Option<Closing>,
}

/// The end of a stream: nothing is written any more, and what comes is thrown away.
struct Closing {
    deadline: Pin<Box<Sleep>>,
    bytes: usize,
}

impl Lingering {
    fn new(stream: TcpStream, client: Duration) -> Self {
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(client));
        Self {
            stream: Box::pin(stream),
            closing: None,
        }
    }
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_read(cx, buffer)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.closing.is_none() {
            ready!(this.stream.as_mut().poll_shutdown(cx))?;
        }
        let closing = this.closing.get_or_insert_with(|| Closing {
            deadline: Box::pin(tokio::time::sleep(LINGER)),
            bytes: 0,
        });
        let mut scrap = [0_u8; SCRAP];
        while closing.bytes < LINGER_BYTES && closing.deadline.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::new(&mut scrap);
            match ready!(this.stream.as_mut().poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => closing.bytes += buffer.filled().len(),
                // The other end has closed too, or is gone.
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}
