//! Gets back the body of a request that was answered before it was read, and discards the rest of it.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::Request;
use axum::http::header::EXPECT;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// The most that is read only to be discarded.
const MOST: usize = 64 * 1_024 * 1_024;

/// Hands the request's body to the handler, with the means to get back what it leaves unread.
pub(super) fn lend(request: Request<Incoming>) -> (Request<Body>, Option<Unread>) {
    if request.body().is_end_stream() {
        return (request.map(|_| Body::empty()), None);
    }
    // Who asks before sending has nothing under way; reading would ask for it.
    let asks_first = request.headers().contains_key(EXPECT);
    let (back, unread) = oneshot::channel();
    let lend = |body| {
        Body::new(Lent {
            body: Some(body),
            back: Some(back),
        })
    };
    (request.map(lend), (!asks_first).then_some(Unread(unread)))
}

/// A body that is handed back when its reader drops it.
struct Lent {
    body: Option<Incoming>,
    back: Option<oneshot::Sender<Incoming>>,
}

impl http_body::Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(SizeHint::default, Incoming::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(body), Some(back)) = (self.body.take(), self.back.take())
            && let Err(unwanted) = back.send(body)
        {
            drop(unwanted);
        }
    }
}

/// What a handler left unread, once it has dropped the body.
pub(super) struct Unread(oneshot::Receiver<Incoming>);

impl Unread {
    /// Reads the rest and discards it, up to a bound in bytes and until `deadline`.
    pub(super) async fn discard(mut self, deadline: Instant) {
        let Ok(mut body) = self.0.try_recv() else {
            return;
        };
        if body.is_end_stream() {
            return;
        }
        let reading = async {
            let mut read = 0;
            while let Some(Ok(frame)) = body.frame().await {
                read += frame.data_ref().map_or(0, Bytes::len);
                if read > MOST {
                    break;
                }
            }
        };
        if timeout_at(deadline, reading).await.is_err() {
            tracing::debug!("the rest of a body did not come in time");
        }
    }
}
