//! `/metrics`: the counters of store, delivery and gateway in Prometheus' text format, read at each scrape.
//!
//! Names, units and meaning stand in docs/operations.md; a test holds both together.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse as _;
use axum::routing::get;
use dunlin_delivery::Metrics as DeliveryMetrics;
use dunlin_gateway::{Gateway, Metrics as GatewayMetrics};
use dunlin_store_embedded::{EmbeddedStore, LATENCY_BOUNDS_US, StoreStats};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

/// What every name begins with.
const PREFIX: &str = "dunlin";
/// The media type of OpenMetrics text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Read<T> = fn(&T) -> u64;

const GATEWAY: &[(&str, &str, Read<GatewayMetrics>)] = &[
    ("gateway_sockets_accepted", "Sockets accepted", |m| m.accepted.get()),
    ("gateway_upgrades_refused", "WebSocket upgrades refused", |m| m.upgrades_refused.get()),
    ("gateway_connections_opened", "WebSocket connections begun", |m| m.opened.get()),
    ("gateway_connections_closed", "WebSocket connections ended", |m| m.closed.get()),
    ("gateway_frames_in", "Frames read", |m| m.frames_in.get()),
    ("gateway_frames_undecodable", "Frames that could not be decoded", |m| m.undecodable.get()),
    ("gateway_frames_too_fast", "Frames refused for coming too fast", |m| m.too_fast.get()),
    ("gateway_frames_out", "Frames written", |m| m.frames_out.get()),
    ("gateway_writes", "Writes to sockets", |m| m.writes.get()),
    ("gateway_bytes_in", "Bytes read from WebSocket connections", |m| m.bytes_in.get()),
    ("gateway_bytes_out", "Bytes written to WebSocket connections", |m| m.bytes_out.get()),
    ("gateway_http_bytes_in", "Bytes of bodies of requests over REST", |m| m.http_bytes_in.get()),
    ("gateway_http_bytes_out", "Bytes of bodies of answers over REST", |m| m.http_bytes_out.get()),
    ("gateway_heartbeats_missed", "Connections closed for silence", |m| m.heartbeats_missed.get()),
];

const DELIVERY: &[(&str, &str, Read<DeliveryMetrics>)] = &[
    ("delivery_submitted", "Commands on chats that came in", |m| m.submitted.get()),
    ("delivery_refused", "Commands refused by the state machine", |m| m.refused.get()),
    ("delivery_appended", "Events appended", |m| m.appended.get()),
    ("delivery_conflicts", "Appends that lost the race and were decided anew", |m| m.conflicts.get()),
    ("delivery_unavailable", "Commands that failed for lack of the store", |m| m.unavailable.get()),
    ("delivery_repeated", "Retries recognised", |m| m.repeated.get()),
    ("delivery_inboxes_raised", "Inbox registers raised", |m| m.raised.get()),
    ("delivery_woken", "Sessions woken", |m| m.woken.get()),
    ("delivery_pulled", "Events pulled for a session", |m| m.pulled.get()),
    ("delivery_pulled_from_store", "Pulls that had to read the store", |m| m.pulled_from_store.get()),
    ("delivery_ranges_skipped", "Ranges of a log that were skipped", |m| m.skipped.get()),
    ("delivery_receipts", "Receipts from clients", |m| m.receipts.get()),
    ("delivery_receipts_written", "Registers written for receipts", |m| m.receipts_written.get()),
    ("delivery_status_updates", "Status updates put up for sessions", |m| m.status_updates.get()),
    ("delivery_signals_dropped", "Signals dropped: too many waited", |m| m.signals_dropped.get()),
    ("delivery_groups_verified", "Groups verified anew, none was kept", |m| m.groups_verified.get()),
    ("delivery_blobs_removed", "Parts of handshakes removed from blob storage", |m| m.blobs_removed.get()),
    ("attachments_created", "Uploads of attachments begun", |m| m.attachments_created.get()),
    ("attachments_removed", "Attachments removed: never sent, or too old", |m| m.attachments_removed.get()),
    ("attachments_orphaned", "Files and uploads removed that belong to no attachment", |m| {
        m.attachments_orphaned.get()
    }),
    ("attachments_bytes_in", "Bytes of attachments put through this server", |m| m.attachment_bytes_in.get()),
    ("attachments_bytes_out", "Bytes of attachments read through this server", |m| {
        m.attachment_bytes_out.get()
    }),
];

const STORE: &[(&str, &str, Read<StoreStats>)] = &[
    ("store_batches", "Batches committed, each with one sync", |s| read(&s.batches)),
    ("store_writes", "Writes asked for", |s| read(&s.writes)),
    ("store_rows", "Rows written", |s| read(&s.rows)),
    ("store_bytes", "Bytes of rows written", |s| read(&s.bytes)),
    ("store_events_appended", "Events appended", |s| read(&s.appended)),
    ("store_writes_refused", "Writes refused because the queue stayed full", |s| read(&s.refused)),
];

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// What is scraped.
struct Sources {
    gateway: Arc<Gateway>,
    store: Arc<EmbeddedStore>,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").finish_non_exhaustive()
    }
}

impl Collector for Sources {
    fn encode(&self, mut to: DescriptorEncoder) -> Result<(), fmt::Error> {
        let (delivery, stats) = (self.gateway.delivery(), self.store.stats());
        counters(&mut to, GATEWAY, self.gateway.metrics())?;
        counters(&mut to, DELIVERY, delivery.metrics())?;
        counters(&mut to, STORE, stats)?;
        gauge(
            &mut to,
            "gateway_connections",
            "Connections with a device now",
            self.gateway.connection_count(),
        )?;
        gauge(&mut to, "delivery_receipts_pending", "Receipts not yet written", delivery.receipts_pending())?;
        gauge(
            &mut to,
            "store_waiting_writes",
            "Writes that wait for the writer",
            self.store.waiting_writes(),
        )?;
        if let Some(bytes) = self.store.disk_bytes() {
            gauge(
                &mut to,
                "store_disk_bytes",
                "Bytes on disk",
                usize::try_from(bytes).unwrap_or(usize::MAX),
            )?;
        }
        let (append, append_sum) = delivery.metrics().append_time.read();
        histogram(&mut to, "delivery_append_time", "From decision to durable event", &append, append_sum)?;
        let (submit, submit_sum) = delivery.metrics().submit_time.read();
        histogram(&mut to, "delivery_submit_time", "From command to answer", &submit, submit_sum)?;
        let bounds = LATENCY_BOUNDS_US.iter().map(|us| std::time::Duration::from_micros(*us).as_secs_f64());
        let commit = bounds.chain([f64::INFINITY]).zip(stats.commit.counts()).collect::<Vec<_>>();
        histogram(
            &mut to,
            "store_commit_time",
            "Commit of a batch",
            &commit,
            stats.commit.sum().as_secs_f64(),
        )
    }
}

fn counters<T>(to: &mut DescriptorEncoder, table: &[(&str, &str, Read<T>)], source: &T) -> fmt::Result {
    for (name, help, read) in table {
        let counter = ConstCounter::new(read(source));
        counter.encode(to.encode_descriptor(name, help, None, MetricType::Counter)?)?;
    }
    Ok(())
}

fn gauge(to: &mut DescriptorEncoder, name: &str, help: &str, value: usize) -> fmt::Result {
    let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
    gauge.encode(to.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

fn histogram(
    to: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    buckets: &[(f64, u64)],
    sum_seconds: f64,
) -> fmt::Result {
    let count = buckets.iter().map(|(_, count)| count).sum();
    to.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?
        .encode_histogram::<NoLabelSet>(sum_seconds, count, buckets, None)
}

/// Everything that is counted.
pub(crate) fn registry(gateway: Arc<Gateway>, store: Arc<EmbeddedStore>) -> Registry {
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register_collector(Box::new(Sources { gateway, store }));
    registry
}

/// `/metrics`.
pub(crate) fn router(registry: Registry) -> Router {
    let registry = Arc::new(registry);
    let scrape = move || {
        let mut text = String::new();
        let answer = match prometheus_client::encoding::text::encode(&mut text, &registry) {
            Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        };
        async move { answer }
    };
    Router::new().route("/metrics", get(scrape))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Config;
    use crate::wiring::assemble;

    const PAGE: &str = include_str!("../../../docs/operations.md");

    /// (name, kind) of each row of the page's table.
    fn documented() -> BTreeSet<(String, String)> {
        let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `dunlin_")?.split_once("` | "));
        let kind = |rest: &str| rest.split(' ').next().unwrap_or_default().to_owned();
        rows.map(|(name, rest)| (format!("{PREFIX}_{name}"), kind(rest))).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_metric_stands_in_the_operators_page_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.server.data_dir = folder.path().to_owned();
        let parts = assemble(&config, false).await.unwrap();
        let registry = registry(Arc::clone(&parts.gateway), Arc::clone(&parts.store));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let served: BTreeSet<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
            .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
            .collect();
        assert_eq!(served, documented());
        assert!(text.contains("dunlin_store_commit_time_seconds_bucket{le=\"+Inf\"}"), "{text}");
    }
}
