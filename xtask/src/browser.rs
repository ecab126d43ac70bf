//! Building for browsers: with the toolchain's own library for WebAssembly, or, where that cannot be fetched, with
//! Debian's compiler for the web and the library from its source.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::process::{cargo, output_of, succeeds, succeeds_within};

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";
/// Debian's packages, and where they put the compiler.
const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-19"];
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_LINKER: &str = "wasm-ld-19";
/// How long rustup may try to fetch the library, for instance where it reaches nothing.
const LIBRARY_PATIENCE: Duration = Duration::from_mins(5);
const DEBIAN_CHROMIUM: &str = "/usr/bin/chromium";

/// A cargo that builds for [`TARGET`]; installs what is missing.
pub(crate) fn compiler(root: &Path) -> Result<Command> {
    if has_library() || added_library() {
        return Ok(cargo(root));
    }
    println!("rustup has no library for {TARGET}; taking Debian's compiler for the web");
    let is_here = Path::new(DEBIAN_CARGO).exists() && has_web_sources();
    if !is_here && !installed(&DEBIAN_PACKAGES)? {
        bail!("install {} to build for browsers", DEBIAN_PACKAGES.join(", "));
    }
    let mut command = Command::new(DEBIAN_CARGO);
    command
        .current_dir(root)
        .env("RUSTC", DEBIAN_RUSTC)
        // The library is built from source, which a released compiler takes only so.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", DEBIAN_LINKER);
    Ok(command)
}

/// The browser that tests drive; Debian's, unless `CHROMIUM_BIN` names another. Installs what is missing.
pub(crate) fn chromium() -> Result<PathBuf> {
    let path = std::env::var_os("CHROMIUM_BIN").map_or_else(|| PathBuf::from(DEBIAN_CHROMIUM), PathBuf::from);
    let is_debians = path == Path::new(DEBIAN_CHROMIUM);
    if !path.exists() && (!is_debians || !installed(&["chromium"])?) {
        bail!("{} is missing: install chromium", path.display());
    }
    Ok(path)
}

/// Installs Debian's packages; whether that went well.
fn installed(packages: &[&str]) -> Result<bool> {
    // Package lists may be old or missing; the installation says so if it matters.
    let _ = succeeds(Command::new("apt-get").arg("update"));
    succeeds(
        Command::new("apt-get")
            .args(["install", "--yes", "--no-install-recommends"])
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )
}

/// Whether the compiler that cargo uses has the target's library.
fn has_library() -> bool {
    let library = Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output();
    library.is_ok_and(|output| {
        output.status.success() && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    })
}

fn added_library() -> bool {
    let mut add = Command::new("rustup");
    succeeds_within(add.args(["target", "add", TARGET]), LIBRARY_PATIENCE).unwrap_or(false) && has_library()
}

/// Whether Debian's compiler has the library's source.
fn has_web_sources() -> bool {
    let root = output_of(Command::new(DEBIAN_RUSTC).args(["--print", "sysroot"]));
    root.is_ok_and(|root| Path::new(root.trim()).join("lib/rustlib/src/rust/library/Cargo.lock").exists())
}
