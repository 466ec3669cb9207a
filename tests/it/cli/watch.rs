//! `watch`, which runs until it is stopped.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;

use super::service::{problem, quiet, service, verbose};

/// A running `watch`, ended when dropped.
struct Watch(Child);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn watch_prints_a_line_for_every_other_answer() {
    let (service, program) = service();
    service.tagged("/api/autolog/check", verbose(), "W/\"1\"");
    let arguments = [
        "watch",
        "shop",
        "production",
        "--interval",
        "100ms",
        "--output",
        "json",
    ];
    let mut watch = Watch(
        program
            .command(&arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut lines = BufReader::new(watch.0.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["enabled"], true);
    while service.asked().len() < 3 {
        std::thread::yield_now();
    }
    service.tagged("/api/autolog/check", quiet(), "W/\"2\"");
    assert_eq!(next()["enabled"], false);
    let asked = service.asked();
    let again = asked
        .iter()
        .find_map(|asked| asked.headers.get("if-none-match"));
    assert_eq!(
        again.unwrap(),
        "W/\"1\"",
        "and there is no stream: it polls"
    );
}

#[test]
fn watch_ends_when_it_is_refused() {
    let (service, program) = service();
    service.answer(
        "/api/autolog/check",
        401,
        problem("unauthorized", "a valid token is required"),
    );
    let ran = program.run(&["watch", "shop", "production"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
}
