//! The types that the build script makes of `proto/dunlin/content/v1`. Nothing outside `content` sees them.

#![expect(
    unreachable_pub,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]

include!(concat!(env!("OUT_DIR"), "/dunlin.content.v1.rs"));
