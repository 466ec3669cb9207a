//! The embedded store serves one process, and all of its writers.

use futures_util::future::join_all;
use serde_json::json;

use crate::replica::ready;
use crate::service::Service;

#[tokio::test]
async fn writers_at_once_are_all_answered_and_see_their_own_writes() {
    let service = Service::start(&[]);
    ready(&service).await;
    let write = async |writer: u32| {
        for number in 0..10 {
            let app = format!("shop-{writer}-{number}");
            let body = json!({"app": app, "environment": "production"});
            let (status, answer) = service.post("/api/autolog/enable", &body).await;
            assert_eq!(status, 200, "{answer}");
            assert_eq!(answer["applied"], true, "{answer}");
            assert_eq!(service.check(&app, "production").await["enabled"], true);
        }
    };
    join_all((0..8).map(write)).await;
    let stale = service.get("/api/autolog/list").await.1["stale"].clone();
    assert_eq!(stale, false);
}

/// Runs the program until it ends by itself; returns its exit code and what it said.
fn refusal(mut command: std::process::Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), text)
}

#[tokio::test]
async fn a_second_process_on_the_same_data_is_refused() {
    let service = Service::start(&[]);
    let (code, text) = refusal(service.command());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("in use by another autolog process"), "{text}");
    assert!(text.contains("autolog.redb"), "{text}");
    assert_eq!(service.check("shop", "production").await["enabled"], false);
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_written_is_named_with_the_user() {
    let mut service = Service::start(&[]);
    service.kill();
    // Root may write everywhere, but not below a file, nor in the file system of processes.
    let file = service.directory().path().join("file");
    std::fs::write(&file, "").unwrap();
    for place in [file.join("data"), "/proc/autolog".into()] {
        let mut command = service.command();
        command.env("AUTOLOG_DATA_DIR", &place);
        let (code, text) = refusal(command);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(&place.display().to_string()), "{text}");
        assert!(text.contains("cannot be written by user "), "{text}");
    }
}

#[tokio::test]
async fn a_file_that_needs_a_newer_program_is_refused_and_left_as_it_is() {
    const META: redb::TableDefinition<'_, &str, &str> = redb::TableDefinition::new("meta");
    let mut service = Service::start(&[]);
    ready(&service).await;
    service.kill();
    let path = service.data_dir().join("autolog.redb");
    let file = redb::Database::open(&path).unwrap();
    let transaction = file.begin_write().unwrap();
    transaction
        .open_table(META)
        .unwrap()
        .insert("min_compatible", "2")
        .unwrap();
    transaction.commit().unwrap();
    drop(file);
    let (code, text) = refusal(service.command());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("needs a binary of schema 2"), "{text}");
    assert!(text.contains("upgrade autolog"), "{text}");
}
