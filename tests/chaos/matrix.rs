//! Which row of the fault matrix is tried where, so that none is passed over in silence.

/// What becomes of each row.
const ROWS: [(&str, &str); 27] = [
    ("F1 Redis killed, back with its file", "here"),
    ("F2 Redis back empty, or flushed", "here"),
    ("F3 Redis stands still", "here"),
    ("F4 half-open connections", "here"),
    ("F5 latency and bandwidth", "here"),
    ("F6 answers lost after the commit", "here"),
    ("F7 connections reset again and again", "here"),
    ("F8 feed trimmed past a reader", "here"),
    ("F9 feed deleted or of a wrong type", "here"),
    ("F10 Sentinel failover", "here"),
    ("F11 failover that loses writes", "here"),
    ("F12 old primary comes back", "here"),
    ("F13 Cluster failover and resharding", "here"),
    ("F14 scripts forgotten", "here"),
    ("F15 Redis full", "here"),
    (
        "F16 full disk and kill of the embedded store",
        "tests/chaos/disk.rs, tests/it/kill.rs",
    ),
    (
        "F17 jumping clocks",
        "src/snapshot/clock.rs, tests/it/time.rs",
    ),
    ("F18 replica dies or stands still", "here"),
    ("F19 Alertmanager and a service that is away", "tests/e2e"),
    (
        "F20 slow and greedy connections",
        "tests/chaos/overload, tests/it/http_connections.rs, tests/it/webhook_limits.rs",
    ),
    ("F21 panics", "tests/it/http_requests.rs, src/app/tasks.rs"),
    (
        "F22 shutdown under load",
        "tests/it/shutdown.rs, tests/it/watch.rs",
    ),
    (
        "F23 rotation and floods of secrets",
        "tests/chaos/overload, tests/it/rotation.rs, tests/it/http_auth.rs, tests/it/roles.rs, src/credentials/tests.rs",
    ),
    (
        "F24 invented names",
        "tests/chaos/overload, tests/it/errors.rs, tests/it/metrics.rs",
    ),
    ("F25 a herd of pollers", "tests/chaos/overload"),
    (
        "F26 two versions side by side",
        "tests/it/store/migrations.rs",
    ),
    ("F27 replica cut off for ever", "here"),
];

/// The tests of a file as one names them to have them run; none for what is not run that way.
fn module(place: &str) -> Option<String> {
    let file = place
        .strip_prefix("tests/it/")
        .or_else(|| place.strip_prefix("src/"));
    let file = file?.strip_suffix(".rs")?;
    Some(format!("{}::", file.replace('/', "::")))
}

#[test]
fn every_row_of_the_fault_matrix_has_its_place_and_make_chaos_runs_it() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let makefile = std::fs::read_to_string(root.join("Makefile")).unwrap();
    for (row, place) in ROWS.into_iter().filter(|(_, place)| *place != "here") {
        println!("{row}: {place}");
        for path in place.split(", ") {
            assert!(root.join(path).exists(), "{row}: {path} is gone");
            let is_run = module(path).is_none_or(|module| makefile.contains(&module));
            assert!(is_run, "{row}: make chaos does not run {path}");
        }
    }
    println!(
        "NOT CHECKED: F16 a disk that fails under the embedded store, since that needs a device that can be made to fail"
    );
}
