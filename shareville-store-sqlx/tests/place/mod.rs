//! A schema of its own for each test, on the server that `scripts/test` starts.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::{SystemTime, UNIX_EPOCH};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// A schema in the database of `SHAREVILLE_TEST_POSTGRES`, dropped with this.
#[derive(Debug)]
pub(crate) struct Place {
    server: String,
    name: String,
}

impl Place {
    /// Makes an empty one.
    pub(crate) async fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);

        let server = std::env::var("SHAREVILLE_TEST_POSTGRES").expect(
            "SHAREVILLE_TEST_POSTGRES is not set: run these tests by scripts/test, which starts a PostgreSQL server",
        );
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{}_{next}", std::process::id(), since.as_micros());
        let place = Self { server, name };
        place.run(&format!("CREATE SCHEMA {}", place.name)).await;
        place
    }

    /// The address under which its tables are found.
    pub(crate) fn url(&self) -> String {
        let sign = if self.server.contains('?') { '&' } else { '?' };
        format!("{}{sign}options=-csearch_path%3D{}", self.server, self.name)
    }

    async fn run(&self, sql: &str) {
        let mut connection = PgConnection::connect(&self.server).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (server, sql) = (
            self.server.clone(),
            format!("DROP SCHEMA {} CASCADE", self.name),
        );
        // The test's runtime ends with the test.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                if let Ok(mut connection) = PgConnection::connect(&server).await {
                    let _ = sqlx::raw_sql(AssertSqlSafe(sql))
                        .execute(&mut connection)
                        .await;
                }
            });
        });
        let _ = dropped.join();
    }
}
