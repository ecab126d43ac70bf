//! Compiles `proto/dunlin/content/v1` into Rust, with protox in place of a system `protoc`.

use std::error::Error;

const ROOT: &str = "../../proto";
const FILE: &str = "dunlin/content/v1/content.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={ROOT}/{FILE}");
    let descriptors = protox::compile([FILE], [ROOT])?;
    prost_build::Config::new().compile_fds(descriptors)?;
    Ok(())
}
