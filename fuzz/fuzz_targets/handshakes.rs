#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dunlin_testkit::fuzzing::handshakes::handshakes(data));
