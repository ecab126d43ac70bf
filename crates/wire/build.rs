//! Compiles `proto/dunlin/v1/*.proto` into Rust, with protox in place of a system `protoc`.

use std::error::Error;
use std::path::PathBuf;

use prost::Message;

const ROOT: &str = "../../proto";
const PACKAGE: &str = ".dunlin.v1";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={ROOT}");
    let descriptors = protox::compile(["dunlin/v1/frames.proto"], [ROOT])?;
    let encoded = descriptors.encode_to_vec();
    prost_build::Config::new().bytes([PACKAGE]).btree_map([PACKAGE]).compile_fds(descriptors)?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut json = pbjson_build::Builder::new();
    json.btree_map([PACKAGE]).register_descriptors(&encoded)?.out_dir(out).build(&[PACKAGE])?;
    Ok(())
}
