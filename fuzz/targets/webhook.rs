#![no_main]

#[path = "../../tests/it/probes.rs"]
#[allow(dead_code, reason = "each target uses one of them")]
mod probes;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    probes::webhook(bytes);
});
