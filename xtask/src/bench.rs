//! `cargo xtask bench`: what docs/performance.md quotes, the load scenarios, the cost of groups and the web app, each bounded.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::browser;
use crate::process::{cargo, succeeds, target_directory};
use crate::run::build_release;
use crate::web::{self, WebArguments};

/// Arguments of `dunlin load`: closed loop, open loop, and real conversations.
const SCENARIOS: [&[&str]; 3] = [
    &["pairs", "--pairs", "500", "--seconds", "10"],
    &["pairs", "--pairs", "500", "--seconds", "10", "--rate", "4400"],
    &["replay", "--trace", "traces/group-meetings.ndjson", "--speed", "100"],
];

/// Arguments of `cargo`: what groups of several sizes cost a client, and what one message costs it in all.
const EXAMPLES: [[&str; 6]; 2] = [
    ["run", "--release", "-p", "dunlin-client", "--example", "mls_cost"],
    ["run", "--release", "-p", "dunlin-client-native", "--example", "step_cost"],
];

/// Runs every scenario; false when one breaks what must hold.
pub(crate) fn bench(root: &Path) -> Result<bool> {
    if !web::web(root, &WebArguments::whole())? || !build_release(root)? {
        return Ok(false);
    }
    let mut sound = true;
    for arguments in SCENARIOS {
        println!("\n== dunlin load {}", arguments.join(" "));
        let mut load = Command::new(target_directory(root).join("release/dunlin"));
        sound &= succeeds(load.arg("load").args(arguments).current_dir(root))?;
    }
    for arguments in EXAMPLES {
        println!("\n== cargo {}", arguments.join(" "));
        sound &= succeeds(cargo(root).args(arguments))?;
    }
    println!("\n== npm run bench");
    let mut app = web::npm(&root.join("web"));
    let binary = target_directory(root).join("release/dunlin");
    app.args(["run", "bench"]).env("DUNLIN_BIN", binary).env("CHROMIUM_BIN", browser::chromium()?);
    sound &= succeeds(&mut app)?;
    Ok(sound)
}
