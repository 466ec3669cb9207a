//! What the log tells of requests.

use std::io;
use std::sync::{Arc, Mutex};

use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

use crate::http_world::{CHECK, OPERATOR, World, get_with, post_json};

/// Keeps the lines of the log.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn read(&self) -> Vec<serde_json::Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let parse = |line| serde_json::from_str(line).unwrap();
        text.lines().map(parse).collect()
    }
}

/// Collects the log of this thread, on which everything in a test runs.
fn collect() -> (Lines, tracing::subscriber::DefaultGuard) {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(Level::INFO)
        .with_writer(lines.clone())
        .finish();
    (lines, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn an_error_of_ours_is_logged_once_with_its_cause_and_the_trace_of_its_caller() {
    let (lines, _guard) = collect();
    let world = World::start().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let headers = format!("host: a\r\ntraceparent: {trace}\r\nx-request-id: mine");
    let request = post_json("/api/autolog/disable", OPERATOR, "{}").replace("host: a", &headers);
    assert_eq!(world.ask(&request).await.status, 503);
    let lines = lines.read();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let (fields, span) = (&lines[0]["fields"], &lines[0]["span"]);
    let cause = fields["cause"].as_str().unwrap();
    assert!(
        cause.contains("not available") && cause.ends_with("store refused"),
        "{cause}"
    );
    assert_eq!(fields["code"], "store_unavailable");
    assert_eq!(span["request_id"], "mine");
    assert_eq!(span["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(span["route"], "/api/autolog/disable");
}

#[tokio::test]
async fn polls_and_refusals_leave_no_line_and_a_panic_leaves_one() {
    let (lines, _guard) = collect();
    let world = World::start().await;
    for request in [
        CHECK,
        &get_with("/nowhere", "accept: */*"),
        &post_json("/webhook/a", "wrong", "{}"),
    ] {
        world.ask(request).await;
    }
    assert_eq!(lines.read(), Vec::<serde_json::Value>::new());
    let explain = get_with("/api/autolog/explain", &format!("x-api-key: {OPERATOR}"));
    assert_eq!(world.ask(&explain).await.status, 500);
    assert_eq!(lines.read().len(), 1);
}
