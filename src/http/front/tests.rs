use axum::http::StatusCode;

use super::*;
use crate::metrics::{Build, Live};

#[test]
fn a_poll_that_panics_is_answered_and_counted_like_any_other_request() {
    let build = Build {
        version: "0.0.0",
        revision: "test",
    };
    let metrics = Arc::new(Metrics::new(build).unwrap());
    let mut response = at_once(&metrics, || panic!("hunter2 is broken"));
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let Some(Unrendered(error)) = response.extensions_mut().remove() else {
        panic!("the front has nothing to render");
    };
    assert!(matches!(*error, ApiError::Panicked));
    let text = metrics.render(&Live::default()).unwrap();
    assert!(text.contains("\nautolog_http_panics_total 1\n"), "{text}");
}
