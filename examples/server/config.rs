//! What the environment says. The variables and their defaults are the contract of the reference server.

use std::{env, net::SocketAddr, num::NonZeroU32, path::PathBuf, time::Duration};

use secrecy::SecretString;
use shareville::{
    Keyring, MediaPreflight, Settings, axum::RateLimit, meta::MediaHosts, outbound::Addresses,
};
use url::{Host, Url};

/// Longer than proxies usually keep idle connections, so that it is not the server who closes one they just use.
const CLIENT: Duration = Duration::from_secs(75);

/// What balancers usually need to notice that `/ready` says no.
const DRAIN: Duration = Duration::from_secs(2);

/// What this process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Api,
    Worker,
    All,
}

/// Where Meta is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meta {
    /// Emulated, in this process.
    Sandbox,
    /// Meta's own hosts.
    Live,
    /// Each of Meta's hosts is the first path segment below this.
    At(Url),
}

/// What remembers.
#[derive(Debug, Clone)]
pub(crate) enum StoreUrl {
    Memory,
    File(PathBuf),
    /// It may hold a password.
    Postgres(SecretString),
}

#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) public_url: Url,
    pub(crate) store: StoreUrl,
    pub(crate) meta: Meta,
    pub(crate) role: Role,
    pub(crate) settings: Settings,
    pub(crate) keys: Option<Keyring>,
    pub(crate) sign_up: bool,
    pub(crate) media_hosts: MediaHosts,
    pub(crate) rate_limit: Option<RateLimit>,
    /// How many reverse proxies of the operator's own each request comes through.
    pub(crate) proxies: usize,
    /// How long a client may take for a header or a body, to begin its next request, or to take an answer.
    pub(crate) client: Duration,
    /// How long, once it is told to end, the server goes on to take connections.
    pub(crate) drain: Duration,
    pub(crate) outbound: Addresses,
    /// Where the bytes of uploads are kept; `None`: nowhere. It may name a bucket, and holds no password.
    pub(crate) media_store: Option<String>,
}

/// One line that names the variable and what it takes.
#[derive(Debug)]
pub(crate) struct Wrong(String);

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

fn wrong(name: &str, takes: impl std::fmt::Display) -> Wrong {
    Wrong(format!("{name}: {takes}"))
}

fn variable(name: &str) -> Result<Option<String>, Wrong> {
    match env::var(name) {
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(wrong(name, "must be UTF-8 text")),
    }
}

fn one_of<T: Copy>(name: &str, default: T, choices: &[(&str, T)]) -> Result<T, Wrong> {
    let Some(text) = variable(name)? else {
        return Ok(default);
    };
    let known = choices.iter().find(|(choice, _)| *choice == text);
    known.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = choices
            .iter()
            .map(|(choice, _)| format!("`{choice}`"))
            .collect();
        wrong(
            name,
            format!("must be one of {}, not `{text}`", names.join(", ")),
        )
    })
}

fn seconds(name: &str, default: Duration) -> Result<Duration, Wrong> {
    let Some(text) = variable(name)? else {
        return Ok(default);
    };
    text.parse()
        .ok()
        .filter(|seconds| *seconds >= 0.01)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|duration| !duration.is_zero() && *duration <= Duration::from_secs(30 * 86_400))
        .ok_or_else(|| {
            wrong(name, format!("must be a number of seconds from 0.01 to 30 days, such as `60` or `0.5`, not `{text}`"))
        })
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn web_url(name: &str, text: &str) -> Result<Url, Wrong> {
    // It may hold a password, so it is not repeated.
    let takes = || {
        let message = "must be an http or https URL without user, password, query and fragment";
        wrong(name, message)
    };
    let url = Url::parse(text).map_err(|_| takes())?;
    let good = matches!(url.scheme(), "http" | "https")
        && url.host().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    good.then_some(url).ok_or_else(takes)
}

/// Which addresses media and webhooks may name.
const PUBLIC: (MediaHosts, Addresses) = (MediaHosts::Public, Addresses::Public);
const ANY: (MediaHosts, Addresses) = (MediaHosts::Any, Addresses::Any);

impl Config {
    /// Reads the environment.
    pub(crate) fn from_env() -> Result<Self, Wrong> {
        let listen = variable("SHAREVILLE_LISTEN")?.unwrap_or_else(|| "127.0.0.1:3000".to_owned());
        let listen = listen.parse().map_err(|_| {
            wrong(
                "SHAREVILLE_LISTEN",
                format!("must be an address and port such as `127.0.0.1:3000`, not `{listen}`"),
            )
        })?;
        let public_url = variable("SHAREVILLE_PUBLIC_URL")?;
        let public_url = web_url(
            "SHAREVILLE_PUBLIC_URL",
            public_url.as_deref().unwrap_or("http://localhost:3000"),
        )?;
        let local = is_loopback(&public_url);
        let store = store()?;
        let role = one_of(
            "SHAREVILLE_ROLE",
            Role::All,
            &[
                ("api", Role::Api),
                ("worker", Role::Worker),
                ("all", Role::All),
            ],
        )?;
        let (media_hosts, outbound) = one_of(
            "SHAREVILLE_ALLOW_PRIVATE_ADDRESSES",
            PUBLIC,
            &[
                ("off", PUBLIC),
                ("on", ANY),
                ("false", PUBLIC),
                ("true", ANY),
                ("0", PUBLIC),
                ("1", ANY),
            ],
        )?;
        Ok(Self {
            listen,
            store,
            meta: meta(local)?,
            role,
            settings: settings()?,
            keys: keys()?,
            sign_up: one_of(
                "SHAREVILLE_SIGN_UP",
                local,
                &[("open", true), ("closed", false)],
            )?,
            media_hosts,
            outbound,
            media_store: media_store(role)?,
            rate_limit: rate_limit()?,
            proxies: proxies()?,
            public_url,
            client: seconds("SHAREVILLE_CLIENT_SECONDS", CLIENT)?,
            drain: seconds("SHAREVILLE_DRAIN_SECONDS", DRAIN)?,
        })
    }
}

/// More than any one customer needs, so that one who runs wild does not take all.
const DEFAULT_RATE_LIMIT: &str = "10000:20000";

fn rate_limit() -> Result<Option<RateLimit>, Wrong> {
    const NAME: &str = "SHAREVILLE_RATE_LIMIT";
    let text = variable(NAME)?.unwrap_or_else(|| DEFAULT_RATE_LIMIT.to_owned());
    if text == "off" {
        return Ok(None);
    }
    let figures = text.split_once(':').and_then(|(per_second, burst)| {
        let figure = |text: &str| text.parse::<NonZeroU32>().ok();
        Some(RateLimit::new(figure(per_second)?, figure(burst)?))
    });
    figures.map(Some).ok_or_else(|| {
        wrong(
            NAME,
            format!(
                "must be `off`, or the calls of one API key a second and at once, such as `100:200`, not `{text}`"
            ),
        )
    })
}

fn proxies() -> Result<usize, Wrong> {
    const NAME: &str = "SHAREVILLE_PROXIES";
    let Some(text) = variable(NAME)? else {
        return Ok(0);
    };
    let count = text.parse().ok().filter(|count| *count <= 10);
    count.ok_or_else(|| {
        wrong(
            NAME,
            format!(
                "must be how many reverse proxies of your own append to `X-Forwarded-For`, 0 to 10, not `{text}`"
            ),
        )
    })
}

fn store() -> Result<StoreUrl, Wrong> {
    const NAME: &str = "SHAREVILLE_STORE";
    let text = variable(NAME)?.unwrap_or_else(|| "sqlite://shareville.db".to_owned());
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Ok(StoreUrl::Postgres(text.into()));
    }
    match text.strip_prefix("sqlite:") {
        Some(":memory:") => Ok(StoreUrl::Memory),
        Some(path) => {
            let path = path.strip_prefix("//").unwrap_or(path);
            match path.is_empty() || path.contains('?') {
                true => Err(wrong(
                    NAME,
                    "must name a file, such as `sqlite://shareville.db`, or be `sqlite::memory:`",
                )),
                false => Ok(StoreUrl::File(path.into())),
            }
        }
        // The URL may hold a password: it is not repeated.
        None => Err(wrong(
            NAME,
            "must be `sqlite://FILE`, `sqlite::memory:` or `postgres://USER:PASSWORD@HOST/DATABASE` (Redis is not built yet)",
        )),
    }
}

fn meta(local: bool) -> Result<Meta, Wrong> {
    const NAME: &str = "SHAREVILLE_META";
    match variable(NAME)?.as_deref() {
        Some("sandbox") => Ok(Meta::Sandbox),
        Some("live") => Ok(Meta::Live),
        Some(url) => web_url(NAME, url).map(Meta::At).map_err(|_| {
            wrong(
                NAME,
                format!("must be `sandbox`, `live`, or a base URL, not `{url}`"),
            )
        }),
        None if local => Ok(Meta::Sandbox),
        None => Err(wrong(
            NAME,
            "must be set (`live`, `sandbox`, or a base URL), since SHAREVILLE_PUBLIC_URL is not this machine",
        )),
    }
}

const DEFAULT_MEDIA_STORE: &str = "file://shareville-media";

/// Where uploads are kept. Only a process that does everything has a folder or its memory for them: others would not see
/// it, so they take none unless they are told where.
fn media_store(role: Role) -> Result<Option<String>, Wrong> {
    const NAME: &str = "SHAREVILLE_MEDIA_STORE";
    let Some(text) = variable(NAME)? else {
        return Ok((role == Role::All).then(|| DEFAULT_MEDIA_STORE.to_owned()));
    };
    let scheme = text.split(':').next().unwrap_or_default();
    let is_own = ["file", "memory"]
        .iter()
        .any(|own| scheme.eq_ignore_ascii_case(own));
    if is_own && role != Role::All {
        return Err(wrong(
            NAME,
            "must not be a folder or `memory:///` unless SHAREVILLE_ROLE is `all`: other processes cannot see it",
        ));
    }
    let known = text
        .strip_prefix("file://")
        .is_some_and(|folder| !folder.is_empty())
        || Url::parse(&text).is_ok_and(|url| url.scheme() != "file" && url.password().is_none());
    // It may hold a password all the same: it is not repeated.
    known.then_some(Some(text)).ok_or_else(|| {
        wrong(
            NAME,
            "must be a URL without a password, such as `file://shareville-media`, `memory:///` or `s3://bucket`",
        )
    })
}

fn settings() -> Result<Settings, Wrong> {
    const CONCURRENCY: &str = "SHAREVILLE_WORKER_CONCURRENCY";
    let mut settings = Settings::default();
    if let Some(text) = variable(CONCURRENCY)? {
        settings.concurrency = text
            .parse()
            .ok()
            .filter(|count| (1..=10_000).contains(count))
            .ok_or_else(|| {
                wrong(
                    CONCURRENCY,
                    format!("must be a whole number from 1 to 10000, not `{text}`"),
                )
            })?;
    }
    settings.media_preflight = one_of(
        "SHAREVILLE_MEDIA_PREFLIGHT",
        settings.media_preflight,
        &[
            ("off", MediaPreflight::Off),
            ("advisory", MediaPreflight::Advisory),
            ("strict", MediaPreflight::Strict),
        ],
    )?;
    settings.lease = seconds("SHAREVILLE_LEASE_SECONDS", settings.lease)?;
    settings.commit = seconds("SHAREVILLE_COMMIT_SECONDS", settings.commit)?;
    settings.retry_base = seconds("SHAREVILLE_RETRY_BASE_SECONDS", settings.retry_base)?;
    settings.uncertain = seconds("SHAREVILLE_UNCERTAIN_SECONDS", settings.uncertain)?;
    if settings.uncertain < settings.retry_base {
        return Err(wrong(
            "SHAREVILLE_UNCERTAIN_SECONDS",
            "must be at least SHAREVILLE_RETRY_BASE_SECONDS",
        ));
    }
    Ok(settings)
}

fn keys() -> Result<Option<Keyring>, Wrong> {
    const NAME: &str = "SHAREVILLE_ENCRYPTION_KEYS";
    let Some(text) = variable(NAME)?.map(SecretString::from) else {
        return Ok(None);
    };
    read_keys(&text)
        .map(Some)
        .map_err(|error| wrong(NAME, error))
}

fn read_keys(text: &SecretString) -> Result<Keyring, shareville::KeyringError> {
    use secrecy::ExposeSecret;
    Keyring::parse(text.expose_secret())
}

/// The keys beside a SQLite file, made where there are none yet.
///
/// Where there is a database already and its keys are missing, new ones would open nothing: that is an error.
pub(crate) fn keys_beside(database: &std::path::Path) -> std::io::Result<Keyring> {
    use std::{fs, io::Write, os::unix::fs::OpenOptionsExt};

    use secrecy::ExposeSecret;

    let mut path = database.as_os_str().to_owned();
    path.push(".keys");
    let path = PathBuf::from(path);
    let fresh = Keyring::generate_text("generated");
    // Of several processes that start at once, one writes the file whole before it has its name.
    let mut draft = path.clone().into_os_string();
    draft.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(draft);
    if !path.exists() {
        if fs::metadata(database).is_ok_and(|database| database.len() > 0) {
            return Err(std::io::Error::other(format!(
                "SHAREVILLE_ENCRYPTION_KEYS: the database {} is there, but its keys, {}, are not: put them back, or \
                 set the variable",
                database.display(),
                path.display()
            )));
        }
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)
            .map_err(|error| {
                let place = path.display();
                std::io::Error::other(format!(
                    "SHAREVILLE_STORE: {place} cannot be written: {error}"
                ))
            })?;
        file.write_all(fresh.expose_secret().as_bytes())?;
        file.sync_all()?;
        match fs::hard_link(&draft, &path) {
            Ok(()) => tracing::warn!(
                file = %path.display(),
                "encryption keys were generated: keep this file with the database, and set SHAREVILLE_ENCRYPTION_KEYS \
                 in production"
            ),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        fs::remove_file(&draft)?;
    }
    let text = SecretString::from(fs::read_to_string(&path)?);
    read_keys(&text).map_err(|error| std::io::Error::other(format!("{}: {error}", path.display())))
}
