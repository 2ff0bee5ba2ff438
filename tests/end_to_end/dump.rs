//! All that stands in a database, table by table.

use std::{collections::BTreeSet, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use shareville::Sealed;
use sqlx::{AssertSqlSafe, SqlitePool, query_scalar, sqlite::SqliteConnectOptions};

/// Each value, with its table and column.
pub(crate) async fn dump(database: &Path) -> Vec<(String, Vec<u8>)> {
    let options = SqliteConnectOptions::new()
        .filename(database)
        .read_only(true);
    let pool = SqlitePool::connect_with(options).await.unwrap();
    let tables: Vec<String> = query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .fetch_all(&pool)
        .await
        .unwrap();
    let mut values = Vec::new();
    for table in tables {
        let columns: Vec<String> = query_scalar("SELECT name FROM pragma_table_info(?)")
            .bind(&table)
            .fetch_all(&pool)
            .await
            .unwrap();
        for column in columns {
            let sql = format!(
                r#"SELECT CAST("{column}" AS BLOB) FROM "{table}" WHERE "{column}" IS NOT NULL"#
            );
            let rows: Vec<Vec<u8>> = query_scalar(AssertSqlSafe(sql))
                .fetch_all(&pool)
                .await
                .unwrap();
            let place = format!("{table}.{column}");
            values.extend(rows.into_iter().map(|row| (place.clone(), row)));
        }
    }
    pool.close().await;
    values
}

/// The ids of all keys that something in a database is sealed with; but a probe, which is kept for each key that ever
/// was in use, is nothing that anybody needs to open.
pub(crate) async fn key_ids(database: &Path) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for (place, value) in dump(database).await {
        if place.starts_with("shareville_keys.") {
            continue;
        }
        if let Ok(json) = serde_json::from_slice::<Value>(&value) {
            strings(&json, &mut |text| {
                ids.extend(STANDARD.decode(text).ok().and_then(key_id));
            });
        }
        ids.extend(key_id(value));
    }
    ids
}

fn key_id(bytes: Vec<u8>) -> Option<String> {
    let sealed = Sealed::from_bytes(bytes);
    let id = sealed.key_id()?;
    let is_id = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (!id.is_empty() && id.bytes().all(is_id)).then(|| id.to_owned())
}

fn strings(json: &Value, found: &mut impl FnMut(&str)) {
    match json {
        Value::String(text) => found(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| strings(field, found)),
        _ => {}
    }
}
