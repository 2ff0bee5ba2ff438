//! A PostgreSQL database of its own for each test, on the server that `scripts/test` starts.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::{Command, Stdio},
};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use url::Url;

/// A database on the server of `SHAREVILLE_TEST_POSTGRES`, dropped with this.
pub(crate) struct Place {
    server: Url,
    name: String,
}

impl Place {
    /// Makes an empty one.
    pub(crate) async fn new() -> Self {
        let server = std::env::var("SHAREVILLE_TEST_POSTGRES").expect(
            "SHAREVILLE_TEST_POSTGRES is not set: run these tests by scripts/test, which starts a PostgreSQL server",
        );
        let place = Self {
            server: server.parse().unwrap(),
            name: format!("test_{}", uuid::Uuid::now_v7().simple()),
        };
        run(
            place.server.as_str(),
            &format!("CREATE DATABASE {}", place.name),
        )
        .await
        .unwrap();
        place
    }

    /// Its address.
    pub(crate) fn url(&self) -> Url {
        let mut url = self.server.clone();
        url.set_path(&self.name);
        url
    }

    /// Its address behind a proxy.
    pub(crate) fn through(&self, proxy: SocketAddr) -> Url {
        let mut url = self.url();
        url.set_host(Some(&proxy.ip().to_string())).unwrap();
        url.set_port(Some(proxy.port())).unwrap();
        url
    }

    /// Where the server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.socket_addrs(|| Some(5432)).unwrap()[0]
    }

    /// All that stands in it, as `pg_dump` writes it: texts as they are, bytes as hexadecimal digits.
    pub(crate) fn dump(&self) -> Vec<u8> {
        let output = Command::new(program("pg_dump"))
            // Else each backslash would be written twice.
            .args(["--inserts", "--dbname", self.url().as_str()])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "pg_dump: {told}");
        output.stdout
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let server = self.server.clone();
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        // The test's runtime ends with the test.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            if let Ok(runtime) = runtime {
                let _ = runtime.block_on(run(server.as_str(), &sql));
            }
        });
        let _ = dropped.join();
    }
}

async fn run(server: &str, sql: &str) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect(server).await?;
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await?;
    connection.close().await
}

/// One of PostgreSQL's programs. Debian keeps them by version, and an older one may refuse a newer server.
fn program(name: &str) -> PathBuf {
    let version = |path: &PathBuf| -> u32 {
        let version = path.file_name().and_then(|version| version.to_str());
        version.and_then(|it| it.parse().ok()).unwrap_or_default()
    };
    let installed = std::fs::read_dir("/usr/lib/postgresql");
    let installed = installed.into_iter().flatten().flatten();
    let found = installed
        .map(|version| version.path())
        .filter(|version| version.join("bin").join(name).exists())
        .max_by_key(version);
    match found {
        Some(version) => version.join("bin").join(name),
        None => PathBuf::from(name),
    }
}
