//! `cargo xtask web`: the core as WebAssembly with its bindings, then the app.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::browser;
use crate::process::{succeeds, target_directory};

/// Cargo's profile for what browsers load.
const PROFILE: &str = "web";
/// What the bindings are called; the app imports them by this name.
const NAME: &str = "dunlin";
/// Where they go, below `web/`.
const BINDINGS: &str = "src/core/wasm";

/// What can be said of the build.
#[derive(clap::Args)]
pub(crate) struct WebArguments {
    /// Leaves the WebAssembly as the compiler makes it: larger, and built in a fraction of the time
    #[arg(long)]
    quick: bool,
}

impl WebArguments {
    /// The build that users get.
    pub(crate) const fn whole() -> Self {
        Self { quick: false }
    }

    /// The build that takes least time.
    pub(crate) const fn quick() -> Self {
        Self { quick: true }
    }
}

/// Builds the app into `web/dist`.
pub(crate) fn web(root: &Path, arguments: &WebArguments) -> Result<bool> {
    let web = root.join("web");
    if !packages(&web)? || !core(root)? {
        return Ok(false);
    }
    if !arguments.quick && !shrink(&web)? {
        return Ok(false);
    }
    succeeds(npm(&web).args(["run", "build"]))
}

/// Fetches what the app is built with, as the lockfile says.
pub(crate) fn packages(web: &Path) -> Result<bool> {
    succeeds(npm(web).args(["ci", "--no-audit", "--no-fund"]))
}

/// Builds the core and its bindings.
pub(crate) fn core(root: &Path) -> Result<bool> {
    let build = ["build", "--locked", "--package", "dunlin-client-wasm", "--target", browser::TARGET];
    if !succeeds(browser::compiler(root)?.args(build).args(["--lib", "--profile", PROFILE]))? {
        return Ok(false);
    }
    let built = target_directory(root).join(browser::TARGET).join(PROFILE).join("dunlin_client_wasm.wasm");
    let out = root.join("web").join(BINDINGS);
    Bindgen::new()
        .input_path(&built)
        .out_name(NAME)
        .web(true)
        .and_then(|bindgen| bindgen.typescript(true).remove_name_section(true).generate(&out))
        .with_context(|| format!("no bindings for {}", built.display()))?;
    Ok(true)
}

/// Has Binaryen rewrite it, which takes a tenth off what browsers load.
fn shrink(web: &Path) -> Result<bool> {
    let module = web.join(BINDINGS).join(format!("{NAME}_bg.wasm"));
    let optimiser = optimiser(web)?;
    // What the compiler's target has switched on, and Binaryen does not without being told.
    let features = ["--enable-bulk-memory", "--enable-nontrapping-float-to-int", "--enable-sign-ext"];
    let more = ["--enable-mutable-globals", "--enable-reference-types", "--enable-multivalue"];
    let mut command = Command::new("node");
    command.arg(optimiser).arg("-Os").args(features).args(more).arg(&module).arg("-o").arg(&module);
    succeeds(&mut command)
}

fn optimiser(web: &Path) -> Result<PathBuf> {
    let path = web.join("node_modules/binaryen/bin/wasm-opt");
    if !path.exists() {
        bail!("{} is missing: run `npm ci` in {}", path.display(), web.display());
    }
    Ok(path)
}

pub(crate) fn npm(web: &Path) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(web);
    command
}
