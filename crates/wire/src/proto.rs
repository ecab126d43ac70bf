//! The types that the build script makes of `proto/dunlin/v1`. Nothing outside this crate sees them.

#![expect(
    unreachable_pub,
    unused_qualifications,
    clippy::large_enum_variant,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]

include!(concat!(env!("OUT_DIR"), "/dunlin.v1.rs"));
include!(concat!(env!("OUT_DIR"), "/dunlin.v1.serde.rs"));
