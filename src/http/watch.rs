//! `GET /api/autolog/watch`: an application is told when its next poll would get another answer.
//!
//! Server-sent events that say no more than "ask again": whoever misses one has lost nothing but time.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::auth::Poller;
use super::error::ApiError;
use super::extract::Params;
use crate::control::Control;
use crate::domain::target::Place;
use crate::metrics::Held;
use crate::snapshot::{Notice, Notices};

/// How long a stream is silent before it shows that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const ALIVE: &[u8] = b":\n\n";
/// How old a stream gets, so that load moves to new replicas; less by up to a tenth, so that not all end at once.
const MAX_AGE: Duration = Duration::from_mins(30);
/// How soon a client comes back after its stream has ended, in milliseconds: some time from here on.
const RETRY: (u64, u64) = (2_000, 8_000);
/// Keeps nginx and its like from gathering events.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What `watch` needs.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    pub(super) control: Control,
    pub(super) slots: Arc<Semaphore>,
    /// Ends every stream.
    pub(super) shutdown: CancellationToken,
}

/// Sends the state now, and again whenever it is another one.
pub(crate) async fn watch(
    State(watch): State<Watch>,
    _: Poller,
    params: Params<'static>,
) -> Result<Response, ApiError> {
    let place = Place {
        app: params.required_name("app")?,
        environment: params.required_name("environment")?,
    };
    let Ok(slot) = Arc::clone(&watch.slots).try_acquire_owned() else {
        return Err(ApiError::Overloaded);
    };
    let notices = watch.control.snapshot().watch(place);
    let events = Events {
        notices: notices.ok_or(ApiError::NotSynced)?,
        hello: Some(retry()),
        written: Instant::now(),
        ends: Instant::now() + age(),
        shutdown: watch.shutdown.child_token(),
        _slot: slot,
        _counted: watch.control.metrics().requests.watching(),
    };
    let frames = stream::unfold(events, async |mut events| {
        let frame = events.next().await?;
        Some((Ok::<_, Infallible>(frame), events))
    });
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (UNBUFFERED, HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::from_stream(frames)).into_response())
}

/// The events of one watcher.
struct Events {
    notices: Notices,
    /// The pause before a new stream, which the first event carries.
    hello: Option<u64>,
    written: Instant,
    ends: Instant,
    shutdown: CancellationToken,
    _slot: OwnedSemaphorePermit,
    _counted: Held,
}

impl Events {
    /// Waits for the next bytes to send; none when the stream is over.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(retry) = self.hello.take() {
            let notice = Arc::clone(&self.notices.borrow_and_update());
            let first = [format!("retry: {retry}\n").as_bytes(), &event(&notice)].concat();
            return Some(self.write(first.into()));
        }
        let quiet = self.written + KEEP_ALIVE;
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => None,
            changed = self.notices.changed() => {
                changed.ok()?;
                let notice = Arc::clone(&self.notices.borrow_and_update());
                Some(self.write(Bytes::from_owner(event(&notice))))
            }
            () = sleep_until(quiet.min(self.ends)) => {
                (quiet < self.ends).then(|| self.write(Bytes::from_static(ALIVE)))
            }
        }
    }

    fn write(&mut self, bytes: Bytes) -> Bytes {
        self.written = Instant::now();
        bytes
    }
}

/// The event as all watchers of a view get it.
fn event(notice: &Notice) -> Arc<[u8]> {
    notice.written(|notice| {
        let (revision, since) = (&notice.revision, notice.since.as_millis() / 1_000);
        let text = format!(
            "id: {revision}\nevent: message\ndata: {{\"type\":\"refetchEvaluation\",\"etag\":\"W/\\\"{revision}\\\"\",\
             \"lastModified\":{since},\"revision\":\"{revision}\"}}\n\n"
        );
        Arc::from(text.into_bytes())
    })
}

fn retry() -> u64 {
    let (least, most) = RETRY;
    least + random() % (most - least + 1)
}

fn age() -> Duration {
    let tenth = u64::try_from(MAX_AGE.as_millis() / 10).unwrap_or(0);
    MAX_AGE.saturating_sub(Duration::from_millis(random() % (tenth + 1)))
}

/// Some number; without a random source always the same, which only makes clients come back together.
fn random() -> u64 {
    getrandom::u64().unwrap_or(0)
}

#[cfg(test)]
mod tests;
