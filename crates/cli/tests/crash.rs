//! SIGKILL at random moments under load, again and again, with the checker on (I1 to I6).
//!
//! The moments follow from a seed that is printed. `DUNLIN_CRASH_SEED` repeats a run, `DUNLIN_CRASH_KILLS`
//! makes it longer.

use std::process::Command;

use serde_json::Value;

const KILLS: u64 = 50;

#[test]
fn fifty_kills_under_load_lose_double_and_reorder_nothing() {
    let kills =
        std::env::var("DUNLIN_CRASH_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let mut command = Command::new(env!("CARGO_BIN_EXE_dunlin"));
    command.args(["load", "crash", "--json", "--kills", &kills.to_string()]);
    if let Ok(seed) = std::env::var("DUNLIN_CRASH_SEED") {
        command.args(["--seed", &seed]);
    }
    let output = command.output().expect("dunlin starts");
    let said = String::from_utf8_lossy(&output.stderr);
    eprintln!("{said}");
    assert!(output.status.success(), "repeat it with DUNLIN_CRASH_SEED set to the seed above");
    let outcome: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    println!("{outcome}");
    assert_eq!(outcome["kills"], kills);
    for none in ["lost", "duplicated", "out_of_order", "unfinished", "violations"] {
        assert_eq!(outcome[none], 0, "{none}");
    }
    // A run without load, or whose clients never had to try again, would prove nothing.
    assert!(outcome["accepted"].as_u64().is_some_and(|accepted| accepted > kills * 10), "{outcome}");
    assert!(outcome["retried"].as_u64().is_some_and(|retried| retried > 0), "{outcome}");
    assert!(outcome["reconnections"].as_u64().is_some_and(|count| count > kills), "{outcome}");
}
