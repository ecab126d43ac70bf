//! The result of a run, as a table or as JSON.

use std::time::Duration;

use serde::Serialize;

use crate::check::Report;
use crate::fleet::{Counts, Fleet};
use crate::target::FsyncLatency;

/// Latencies from the intended moment of sending to arrival at a recipient, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Latency {
    p50: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

/// The result of a run. Field names are stable: scripts read them.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    scenario: &'static str,
    connections: usize,
    accepted: u64,
    /// Arrivals at devices other than the sender's.
    delivered: u64,
    lost: u64,
    duplicated: u64,
    out_of_order: u64,
    /// Commands without an answer, or that did not reach everyone, when the run ended.
    unfinished: usize,
    violations: u64,
    seconds: f64,
    server_cpu_seconds: Option<f64>,
    delivered_per_cpu_second: Option<f64>,
    accepted_per_second: f64,
    latency_ms: Latency,
    /// A 4 KiB append and fdatasync on the disk of the server's data, measured before the run.
    fsync_ms: Option<FsyncLatency>,
    client_cpu_seconds: Option<f64>,
    receipts_shown: u64,
    refused: u64,
    retried: u64,
    disconnects: u64,
    complaints: u64,
}

/// What was measured around a run.
pub(crate) struct Measured {
    pub(crate) scenario: &'static str,
    pub(crate) before: Counts,
    pub(crate) elapsed: Duration,
    pub(crate) server_cpu: Option<Duration>,
    pub(crate) client_cpu: Option<Duration>,
    pub(crate) fsync_ms: Option<FsyncLatency>,
}

impl Summary {
    pub(crate) fn new(measured: &Measured, fleet: &Fleet, report: &Report) -> Self {
        let (before, after) = (measured.before, fleet.counts);
        let delivered = after.delivered - before.delivered;
        let accepted = after.accepted - before.accepted;
        let seconds = measured.elapsed.as_secs_f64();
        let server_cpu_seconds = measured.server_cpu.map(|time| time.as_secs_f64());
        let quantile = |q: f64| milliseconds(fleet.latency_us.value_at_quantile(q));
        Self {
            scenario: measured.scenario,
            connections: fleet.clients.len(),
            accepted,
            delivered,
            lost: report.lost,
            duplicated: report.duplicated,
            out_of_order: report.out_of_order,
            unfinished: fleet.unfinished(),
            violations: report.violation_count,
            seconds,
            server_cpu_seconds,
            delivered_per_cpu_second: server_cpu_seconds
                .filter(|seconds| *seconds > 0.0)
                .map(|seconds| approximate(delivered) / seconds),
            accepted_per_second: approximate(accepted) / seconds.max(f64::MIN_POSITIVE),
            latency_ms: Latency {
                p50: quantile(0.5),
                p99: quantile(0.99),
                p999: quantile(0.999),
                max: milliseconds(fleet.latency_us.max()),
            },
            fsync_ms: measured.fsync_ms,
            client_cpu_seconds: measured.client_cpu.map(|time| time.as_secs_f64()),
            receipts_shown: after.receipts - before.receipts,
            refused: after.refused - before.refused,
            retried: after.retried - before.retried,
            disconnects: after.disconnects - before.disconnects,
            complaints: fleet.complaint_count,
        }
    }

    /// Prints the result and says whether the run passed.
    pub(crate) fn tell(&self, json: bool, fleet: &Fleet, report: &Report) -> anyhow::Result<bool> {
        if json {
            println!("{}", serde_json::to_string(self)?);
        } else {
            self.table();
        }
        for complaint in &fleet.complaints {
            eprintln!("The server said: {complaint}");
        }
        if !report.is_clean() {
            eprint!("{report}");
        }
        if self.unfinished > 0 {
            eprintln!("{} commands were not answered, or did not reach everyone.", self.unfinished);
        }
        Ok(report.is_clean() && self.unfinished == 0)
    }

    fn table(&self) {
        let Latency { p50, p99, p999, max } = self.latency_ms;
        let or_unknown = |value: Option<f64>, digits: usize| {
            value.map_or_else(|| "unknown".to_owned(), |value| format!("{value:.digits$}"))
        };
        let fsync = self.fsync_ms.map_or_else(
            || "unknown".to_owned(),
            |fsync| format!("p50 {:.2} ms, p99 {:.2} ms", fsync.p50, fsync.p99),
        );
        let rows = [
            ("scenario", self.scenario.to_owned()),
            ("connections", self.connections.to_string()),
            ("accepted", format!("{} ({:.0} per second)", self.accepted, self.accepted_per_second)),
            ("delivered", self.delivered.to_string()),
            ("lost", self.lost.to_string()),
            ("duplicated", self.duplicated.to_string()),
            ("out of order", self.out_of_order.to_string()),
            ("violations", self.violations.to_string()),
            ("refused, retried", format!("{}, {}", self.refused, self.retried)),
            ("disconnects", self.disconnects.to_string()),
            ("receipts shown", self.receipts_shown.to_string()),
            ("seconds", format!("{:.2}", self.seconds)),
            ("server CPU seconds", or_unknown(self.server_cpu_seconds, 2)),
            ("client CPU seconds", or_unknown(self.client_cpu_seconds, 2)),
            ("delivered per CPU second", or_unknown(self.delivered_per_cpu_second, 0)),
            ("latency", format!("p50 {p50:.2} ms, p99 {p99:.2} ms, p99.9 {p999:.2} ms, max {max:.2} ms")),
            ("fsync of 4 KiB here", fsync),
        ];
        for (name, value) in rows {
            println!("{name:<26}{value}");
        }
    }
}

fn milliseconds(micros: u64) -> f64 {
    approximate(micros) / 1e3
}

/// A count as a figure; exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn approximate(count: u64) -> f64 {
    count as f64
}
