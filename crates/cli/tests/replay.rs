//! The load scenarios against a server of their own: short, for correctness and the form of the result.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn load(arguments: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dunlin"));
    let output = command.arg("load").args(arguments).arg("--json").output().expect("dunlin starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

fn assert_flawless(result: &Value) {
    for none in ["lost", "duplicated", "out_of_order", "unfinished", "violations", "refused"] {
        assert_eq!(result[none], 0, "{none} in {result}");
    }
    for figure in ["seconds", "connections", "accepted", "delivered"] {
        assert!(result[figure].as_f64().is_some_and(|value| value > 0.0), "{figure} in {result}");
    }
    for quantile in ["p50", "p99", "p999"] {
        assert!(result["latency_ms"][quantile].is_number(), "{quantile} in {result}");
    }
}

#[test]
fn conversations_of_the_trace_arrive_whole_and_in_order() {
    let trace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../traces/group-meetings.ndjson");
    let trace = trace.to_str().expect("a path in UTF-8");
    let result = load(&["replay", "--trace", trace, "--rooms", "6", "--speed", "2000"]);
    assert_flawless(&result);
    assert_eq!(result["scenario"], "replay");
}

#[test]
fn pairs_in_a_closed_loop_lose_nothing() {
    let result = load(&["pairs", "--pairs", "10", "--seconds", "1", "--window", "4"]);
    assert_flawless(&result);
    assert_eq!(result["accepted"], result["delivered"]);
    assert_eq!(result["connections"], 20);
    assert!(result["server_cpu_seconds"].is_number());
    assert!(result["delivered_per_cpu_second"].is_number());
}

#[test]
fn pairs_in_an_open_loop_send_what_the_rate_says() {
    let result = load(&["pairs", "--pairs", "5", "--seconds", "1", "--rate", "200"]);
    assert_flawless(&result);
    assert_eq!(result["accepted"], 200);
}
