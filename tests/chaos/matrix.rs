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
    ("F21 panics", "src/http/front.rs, src/app/tasks.rs"),
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

#[test]
fn every_row_of_the_fault_matrix_has_its_place() {
    for (row, place) in ROWS {
        match place {
            "here" => {}
            place => {
                println!("{row}: {place}");
                for path in place.split(", ") {
                    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
                    assert!(path.exists(), "{row}: {} is gone", path.display());
                }
            }
        }
    }
    println!(
        "NOT CHECKED: F16 a disk that fails under the embedded store, since that needs a device that can be made to fail"
    );
}
