//! `autolog watch`: prints the answer of `check` whenever it is another one.

use std::time::Duration;

use reqwest::Response;
use reqwest::header::HeaderValue;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::args::Watch;
use super::client::Client;
use super::commands::{Ended, question};
use super::exit::{CommandError, Exit};
use super::output::{Output, complain};
use super::render;

/// A stream that is silent for longer than this is dead: a living one shows that every 15 s.
const SILENCE: Duration = Duration::from_secs(35);
/// How long to poll only, after a stream has ended or the service could not be reached.
const LOST: Duration = Duration::from_secs(5);
/// How long to poll only, after the service had no stream to give: it is full, or older than streams are.
const REFUSED: Duration = Duration::from_mins(1);

/// Prints the answer now and whenever it is another one, until interrupted or refused.
///
/// It is told by the service when to ask, and asks at its own interval all the same.
pub(super) async fn watch(client: &Client, output: Output, args: &Watch) -> Ended {
    let pause = args.interval.0.max(Duration::from_millis(100));
    let mut watcher = Watcher {
        client,
        output,
        args,
        etag: None,
        away: false,
        stream: Stream::Closed(Instant::now()),
    };
    loop {
        watcher.ask().await?;
        let next = Instant::now() + pause;
        tokio::select! {
            () = sleep_until(next) => {}
            () = watcher.told() => {}
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
        }
    }
}

struct Watcher<'a> {
    client: &'a Client,
    output: Output,
    args: &'a Watch,
    etag: Option<HeaderValue>,
    away: bool,
    stream: Stream,
}

enum Stream {
    /// There is none, and none is asked for before this instant.
    Closed(Instant),
    /// The service tells when to ask; it was last heard of at this instant, however often it was asked since.
    Open(Response, Instant),
}

impl Watcher<'_> {
    /// Asks once, and prints the answer if it is another one.
    async fn ask(&mut self) -> Result<(), CommandError> {
        let question = question(&self.args.check);
        match self.client.check(&question, self.etag.as_ref()).await {
            Ok(None) => self.away = false,
            Ok(Some(checked)) => {
                self.away = false;
                self.etag = checked.etag;
                self.output.show_line(&checked.answer, render::checked)?;
            }
            Err(error) if error.exit() != Exit::Unavailable => return Err(error),
            Err(error) => {
                if !self.away {
                    complain(&format!("autolog: {error}; asking again"));
                }
                self.away = true;
            }
        }
        Ok(())
    }

    /// Waits until the service tells to ask again; for ever if it does not.
    async fn told(&mut self) {
        loop {
            let Stream::Open(response, heard) = &mut self.stream else {
                self.open().await;
                continue;
            };
            match timeout_at(*heard + SILENCE, response.chunk()).await {
                Ok(Ok(Some(bytes))) => {
                    *heard = Instant::now();
                    if !is_silence(&bytes) {
                        return;
                    }
                }
                Ok(Ok(None) | Err(_)) | Err(_) => {
                    self.stream = Stream::Closed(Instant::now() + LOST);
                }
            }
        }
    }

    /// Opens a stream once it may; whoever gets none goes on polling.
    async fn open(&mut self) {
        if let Stream::Closed(until) = self.stream {
            sleep_until(until).await;
        }
        let place = &self.args.check.place;
        let question = [
            ("app", place.app.as_str()),
            ("environment", place.environment.as_str()),
        ];
        self.stream = match self.client.watch(&question).await {
            Ok(Some(response)) => Stream::Open(response, Instant::now()),
            Ok(None) => Stream::Closed(Instant::now() + REFUSED),
            Err(_) => Stream::Closed(Instant::now() + LOST),
        };
    }
}

/// Whether these bytes say only that the stream lives: an event may come in one piece with a comment before it.
fn is_silence(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| b":\r\n".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::is_silence;

    #[test]
    fn an_event_is_heard_also_right_after_a_comment() {
        assert!(is_silence(b":\n\n"));
        assert!(is_silence(b":\n\n:\n\n"));
        assert!(!is_silence(b"id: 9f3c\n"));
        assert!(!is_silence(b":\n\nid: 9f3c\n"));
    }
}
