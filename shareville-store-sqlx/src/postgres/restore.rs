//! Tables that were dumped on one server and restored on another, where transactions have other numbers.

use shareville_core::store::Result;
use sqlx::{PgConnection, query, query_scalar};

use crate::error::failed;

/// Whether the numbers of transactions that are stored are of another server than this, on which they are yet to come: the
/// tables were dumped there and restored here.
pub(super) const IS_RESTORED: &str = "SELECT pg_snapshot_xmax(c.past) > n.xmax
       OR EXISTS (SELECT 1 FROM shareville_events e WHERE e.public AND e.xid >= n.xmax)
       OR EXISTS (SELECT 1 FROM shareville_endpoints p WHERE p.active AND pg_snapshot_xmin(p.since) > n.xmax)
     FROM shareville_delivery_cursor c CROSS JOIN (SELECT pg_snapshot_xmax(pg_current_snapshot()) AS xmax) n";

/// Gives events this server's numbers, once and for all: those that are still owed are told by this transaction, which the
/// cursor and the endpoints have not seen, and all others before any.
///
/// `now` is what this statement sees, but for this transaction itself and those that began after it.
pub(super) const SETTLE_IN: &str = "WITH own AS MATERIALIZED (
         SELECT pg_current_xact_id() AS own, LEAST(pg_current_xact_id(), pg_snapshot_xmax(pg_current_snapshot())) AS most),
     now AS MATERIALIZED (
         SELECT o.own, (LEAST(o.most, pg_snapshot_xmin(pg_current_snapshot()))::text || ':' || o.most::text || ':'
             || coalesce((SELECT string_agg(x.xid::text, ',' ORDER BY x.xid)
                          FROM pg_snapshot_xip(pg_current_snapshot()) x (xid) WHERE x.xid < o.most), ''))::pg_snapshot
             AS now
         FROM own o),
     events AS (
         UPDATE shareville_events e
         SET xid = CASE WHEN e.public AND NOT pg_visible_in_snapshot(e.xid, c.past) AND EXISTS (
                            SELECT 1 FROM shareville_endpoints p
                            WHERE p.tenant = e.tenant AND p.active AND NOT pg_visible_in_snapshot(e.xid, p.since))
                        THEN n.own ELSE '3' END
         FROM shareville_delivery_cursor c CROSS JOIN now n),
     endpoints AS (UPDATE shareville_endpoints SET since = n.now FROM now n)
     UPDATE shareville_delivery_cursor SET past = n.now, goal = NULL, xid = '0', seq = 0 FROM now n";

/// Settles in on another server, where the tables were restored.
pub(super) async fn settle_in(on: &mut PgConnection) -> Result<()> {
    let is_restored: Option<bool> = query_scalar(IS_RESTORED)
        .fetch_optional(&mut *on)
        .await
        .map_err(failed)?;
    if is_restored == Some(true) {
        query(SETTLE_IN).execute(on).await.map_err(failed)?;
        tracing::info!(
            "the tables were restored on another server: what webhooks are owed is taken up anew"
        );
    }
    Ok(())
}
