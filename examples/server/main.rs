//! The reference server: the whole API over SQLite or PostgreSQL, with Meta emulated unless it is told otherwise.
//!
//! `cargo run --example server`, then open <http://localhost:3000>. The environment configures it: `config.rs`.
//! `cargo run --example server -- reseal` changes encryption keys while it runs, or gives up a lost one: `reseal.rs`.

mod accounts;
mod config;
mod demo;
mod owners;
mod paths;
mod reseal;
mod serve;
mod store;
mod throttle;

use std::{
    error::Error, io::IsTerminal as _, net::SocketAddr, pin::pin, process::ExitCode, sync::Arc,
};

use axum::{Extension, Router, http::StatusCode, middleware::from_fn};
use metrics_exporter_prometheus::PrometheusBuilder;
use mimalloc::MiMalloc;
use shareville::{
    Engine, Keyring, OpenError, Shareville, Store,
    axum::{BodyLimits, Problem, PublicShapes, RouterOptions, metrics_router},
    media::{FetchedMedia, MediaLibrary, MediaOptions, Objects},
    meta::{
        Endpoint, FacebookLogin, FacebookPages, Graph, GraphConfig, InstagramAccounts,
        InstagramLogin, InstagramLoginConfig, LoginConfig, MetaCallbacks,
    },
    outbound::{GuardedClient, HttpCourier, HttpFetcher},
    sandbox::Sandbox,
};
use tokio::task::JoinHandle;
use tracing_subscriber::EnvFilter;

use self::{
    accounts::Accounts,
    config::{Config, Meta, Role},
    demo::Demo,
    serve::{Leave, Patience},
    throttle::Throttle,
};

/// Requests make and drop many small texts: with glibc's allocator that took a third of the time of a list of posts. Of
/// mimalloc's versions the second gives back at once what it does not need, which saves 20 MiB.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The largest body that a sign-in may have, in bytes.
const MAX_AUTH_BYTES: usize = 16 * 1024;

#[tokio::main]
async fn main() -> ExitCode {
    let log = std::env::var("RUST_LOG").unwrap_or_default();
    let log = if log.trim().is_empty() {
        "info"
    } else {
        log.as_str()
    };
    let filter = EnvFilter::try_new(log);
    tracing_subscriber::fmt()
        .with_env_filter(filter.as_ref().map_or("info", |_| log))
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    if filter.is_err() {
        tracing::error!(
            "RUST_LOG: must be a filter such as `info` or `shareville_core=debug,info`"
        );
        return ExitCode::FAILURE;
    }
    let started = match (task(), Config::from_env()) {
        (Ok(None), Ok(config)) => run(config).await,
        (Ok(Some(task)), Ok(config)) => reseal::run(config, task).await,
        (Err(wrong), _) => Err(wrong.into()),
        (_, Err(wrong)) => Err(wrong.into()),
    };
    match started {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut line = error.to_string();
            let mut cause = error.source();
            while let Some(source) = cause {
                line = format!("{line}: {source}");
                cause = source.source();
            }
            tracing::error!("{line}");
            ExitCode::FAILURE
        }
    }
}

/// What the command line asks for: nothing but to serve, or something about the keys.
fn task() -> Result<Option<reseal::Task>, String> {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let words: Vec<_> = words.iter().map(|word| word.to_str()).collect();
    match words[..] {
        [] => Ok(None),
        [Some("reseal")] => Ok(Some(reseal::Task::Reseal)),
        [Some("reseal"), Some("--check")] => Ok(Some(reseal::Task::Check)),
        [Some("reseal"), Some("--give-up"), Some(id)] => {
            Ok(Some(reseal::Task::GiveUp(id.to_owned())))
        }
        _ => Err(
            "expected no argument to serve, or `reseal`, `reseal --check`, or `reseal --give-up` and the id of a key"
                .to_owned(),
        ),
    }
}

async fn run(config: Config) -> Result<(), Box<dyn Error>> {
    allow_connections();
    // Before the database is made: where it is there already, its keys must be.
    let keyring = store::keyring(&config)?;
    let (store, owners) = store::open(&config.store).await?;
    let sandbox = match &config.meta {
        Meta::Sandbox => Some(Sandbox::start().await?),
        Meta::Live | Meta::At(_) => None,
    };
    let recorder = PrometheusBuilder::new().install_recorder()?;
    shareville::core::meter::describe();
    let shareville = build(&config, store, keyring, sandbox.as_ref())?;
    check_keys(&shareville).await?;

    let secure = config.public_url.scheme() == "https";
    let throttle = Throttle::new(config.proxies);
    let accounts = Accounts::open(owners, config.sign_up, secure, throttle).await?;
    let mut app = Router::new();
    if let (Some(sandbox), true) = (&sandbox, config.role != Role::Worker) {
        let owner = accounts.ensure("demo@localhost", "Demo").await?;
        let url = sandbox.base_url();
        let demo = Demo::open(shareville.clone(), &owner, &config.public_url, url).await?;
        app = app.merge(demo.router());
    }
    app = app
        .fallback(async || {
            Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such route")
        })
        .layer(from_fn(shareville::axum::observe));
    if config.role != Role::Worker {
        let mut options = RouterOptions::new().with_body_time(config.client);
        options.rate_limit = config.rate_limit;
        let api = options.router(shareville.clone(), accounts.clone());
        let auth = accounts
            .clone()
            .router()
            .layer(Extension(BodyLimits::new(MAX_AUTH_BYTES, config.client)))
            .layer(from_fn(shareville::axum::observe));
        app = app.nest("/api", api).nest("/api/auth", auth);
    } else {
        app = app.nest("/api", shareville::axum::health_router(shareville.clone()));
    }
    let metrics = metrics_router(shareville.clone(), move || recorder.render());
    app = app.nest("/api", metrics);

    let listener = tokio::net::TcpListener::bind(config.listen)
        .await
        .map_err(|error| {
            format!(
                "SHAREVILLE_LISTEN: {} cannot be listened on: {error}",
                config.listen
            )
        })?;
    announce(&config, listener.local_addr()?, sandbox.as_ref());
    let leave = Leave::at_signals()?;
    let leaving = shareville.clone();
    let engine = (config.role != Role::Api)
        .then(|| tokio::spawn(Engine::new(shareville).run(leave.begun.clone())));
    let told = leave.begun.clone();
    tokio::spawn(async move {
        told.cancelled().await;
        leaving.close();
    });
    let patience = Patience {
        client: config.client,
        drain: config.drain,
    };
    let serving = serve::serve(listener, app, patience, &leave);
    beside(engine, serving, &leave).await?;
    if let Some(sandbox) = sandbox {
        sandbox.shutdown().await;
    }
    Ok(())
}

/// Serves with an engine beside it, until both have ended. An engine that ends by itself takes the server with it: what
/// is left would take posts and publish none.
async fn beside(
    engine: Option<JoinHandle<()>>,
    serving: impl Future<Output = ()> + Send,
    leave: &Leave,
) -> Result<(), Box<dyn Error>> {
    let Some(mut engine) = engine else {
        serving.await;
        return Ok(());
    };
    let mut serving = pin!(serving);
    let ended = tokio::select! {
        () = serving.as_mut() => return engine.await.map_err(Into::into),
        ended = &mut engine => ended,
    };
    let early = !leave.begun.is_cancelled();
    if early {
        tracing::error!("the worker has ended by itself: shutting down");
        leave.begun.cancel();
    }
    serving.await;
    ended?;
    match early {
        true => Err("the worker ended by itself".into()),
        false => Ok(()),
    }
}

/// Takes as many file descriptors as the system grants: each connection is one, and shells start with few.
fn allow_connections() {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the number of open files stays as it is");
    }
}

/// Puts Shareville together: a store, Facebook, and the keys.
fn build(
    config: &Config,
    store: Arc<dyn Store>,
    keyring: Keyring,
    sandbox: Option<&Sandbox>,
) -> Result<Shareville, Box<dyn Error>> {
    let endpoint = match (&config.meta, sandbox) {
        (_, Some(sandbox)) => Endpoint::at(sandbox.base_url().parse()?)?,
        (Meta::At(base), None) => Endpoint::at(base.clone())?,
        (Meta::Live | Meta::Sandbox, None) => Endpoint::live(),
    };
    let graph = Graph::new(GraphConfig::new().with_endpoint(endpoint))?;
    let mut api_url = config.public_url.clone();
    // The public URL may have a path of its own; one of http always has segments.
    if let Ok(mut path) = api_url.path_segments_mut() {
        path.pop_if_empty().push("api");
    }
    let client = GuardedClient::new(config.outbound)?;
    let courier = HttpCourier::new(client.clone());
    let fetcher = HttpFetcher::new(client);
    let builder = Shareville::builder(Arc::clone(&store), keyring, api_url.clone());
    let builder = if let Some(url) = &config.media_store {
        let objects = Objects::open(url, clouds_variables())
            .map_err(|error| format!("SHAREVILLE_MEDIA_STORE: {error}"))?;
        let options = MediaOptions::new().with_limits(config.settings.uploads);
        let library = MediaLibrary::new(store, objects, fetcher, api_url, options);
        builder.media(library.clone()).uploads(library)
    } else {
        if config.role == Role::Worker {
            tracing::warn!(
                "SHAREVILLE_MEDIA_STORE is not set: this worker can publish no uploads, and erases none that are over"
            );
        }
        builder.media(FetchedMedia::new(fetcher))
    };
    let shareville = builder
        .publisher(FacebookPages::new(graph.clone()).with_media_hosts(config.media_hosts))
        .publisher(InstagramAccounts::new(graph.clone()).with_media_hosts(config.media_hosts))
        .connector(FacebookLogin::new(graph.clone(), LoginConfig::new()))
        .connector(InstagramLogin::new(graph, InstagramLoginConfig::new()))
        .webhooks(courier, PublicShapes)
        .callbacks(MetaCallbacks::new())
        .settings(config.settings)
        .build()?;
    Ok(shareville)
}

/// What a cloud's store takes besides its address, such as keys: it stands in the environment by its usual names. What is
/// called otherwise is not for it: it would take a `BUCKET` or `TOKEN` of something else for its own.
fn clouds_variables() -> impl Iterator<Item = (String, String)> {
    const CLOUDS: [&str; 3] = ["AWS_", "GOOGLE_", "AZURE_"];
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    variables.filter(|(name, _)| CLOUDS.iter().any(|cloud| name.starts_with(cloud)))
}

/// What is sealed in the store must open: else posts would fail one by one.
async fn check_keys(shareville: &Shareville) -> Result<(), String> {
    shareville.check_keys().await.map_err(|error| match error {
        shareville::Error::Sealed(
            error @ (OpenError::UnknownKey { .. } | OpenError::OtherKey { .. }),
        ) => format!(
            "SHAREVILLE_ENCRYPTION_KEYS: {error}; or, if that key is lost, call `reseal --give-up` and its id"
        ),
        shareville::Error::Sealed(error) => format!("SHAREVILLE_ENCRYPTION_KEYS: {error}"),
        other => format!("SHAREVILLE_STORE: {}", store::innermost(&other)),
    })
}

#[allow(clippy::print_stdout)] // it is what the person who started the server reads
fn announce(config: &Config, listen: SocketAddr, sandbox: Option<&Sandbox>) {
    let public = config.public_url.as_str().trim_end_matches('/');
    println!("Shareville listens on http://{listen}, API at {public}/api");
    let Some(sandbox) = sandbox else { return };
    let sandbox = sandbox.base_url();
    println!(
        "\n  Click through it:       {public}/\n  What a visitor sees:    {sandbox}/_sandbox\n\nThe sandbox forgets \
         everything when the server ends: connect again after that.\n\nThe same with curl (or: sh examples/server/walk.sh {public} {sandbox}):\n"
    );
    let lines = include_str!("walk.sh")
        .lines()
        .skip_while(|line| !line.starts_with("API="))
        .map(|line| match line.split_once('=') {
            Some(("API", _)) => format!("API={public}/api"),
            Some(("SANDBOX", _)) => format!("SANDBOX={sandbox}"),
            _ => line.to_owned(),
        });
    for line in lines {
        println!("{line}");
    }
    println!();
}
