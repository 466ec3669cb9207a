//! An answer's body, and the connection that it keeps busy.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};
use http_body_util::Full;

use super::phase::Progress;

/// What an answer says.
#[derive(Debug)]
pub(super) enum Content {
    /// All of it, at once.
    Whole(Full<Bytes>),
    /// What a handler makes of it, a piece at a time.
    Pieces(Body),
}

impl From<String> for Content {
    fn from(whole: String) -> Self {
        Self::Whole(Full::from(whole))
    }
}

/// An answer's body, which tells when the connection is done with it.
#[derive(Debug)]
pub(super) struct Answer {
    content: Content,
    progress: Arc<Progress>,
}

impl Answer {
    pub(super) const fn new(content: Content, progress: Arc<Progress>) -> Self {
        Self { content, progress }
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match &mut self.content {
            Content::Whole(whole) => Pin::new(whole)
                .poll_frame(context)
                .map_err(|never| match never {}),
            Content::Pieces(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(whole) => whole.is_end_stream(),
            Content::Pieces(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(whole) => whole.size_hint(),
            Content::Pieces(body) => body.size_hint(),
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.progress.answered();
    }
}
