#![no_main]

#[path = "../../tests/it/probes.rs"]
#[allow(dead_code, reason = "each target uses one of them")]
mod probes;

thread_local! {
    static SERVICE: probes::Service = probes::Service::new();
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    SERVICE.with(|service| service.bodies(bytes));
});
