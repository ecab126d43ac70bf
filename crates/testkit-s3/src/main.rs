//! `dunlin-testkit-s3 [CORS]`: the store as a program, for tests that are not written in Rust. `CORS` are the rules of the bucket, as
//! S3 takes them. It tells in one line of JSON where it is and who may sign, and ends when its standard input does.

use std::error::Error;
use std::{env, io};

use dunlin_testkit_s3::{ACCESS_KEY_ID, BUCKET, Cors, S3Server, SECRET_ACCESS_KEY};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let store = match env::args().nth(1) {
        Some(rules) => S3Server::start_with(Cors::from_json(&rules)?),
        None => S3Server::start(),
    };
    let told = json!({
        "endpoint": store.endpoint(),
        "bucket": BUCKET,
        "accessKeyId": ACCESS_KEY_ID,
        "secretAccessKey": SECRET_ACCESS_KEY,
    });
    println!("{told}");
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}
