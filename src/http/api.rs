//! The routes of the API listener, and what each of them needs.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::Routes;
use super::auth::Authority;
use super::check::{Check, check};
use super::disable::disable;
use super::enable::enable;
use super::errors::{Report, errors};
use super::explain::explain;
use super::freeze;
use super::limits::BodyLimits;
use super::list::{List, list};
use super::openapi;
use super::room::Room;
use super::route::Route;
use super::watch::{Watch, watch};
use super::webhook::{Receiver, webhook};
use crate::alertmanager::Mapping;
use crate::control::Control;
use crate::control::counter::Counter;

/// What the API is made of.
#[derive(Debug)]
pub struct Api {
    /// The verbs.
    pub control: Control,
    /// Where errors are handed in.
    pub counter: Counter,
    /// Who may do what.
    pub authority: Authority,
    /// How alerts are mapped to targets.
    pub mapping: Mapping,
    /// What a request's body may cost.
    pub body: BodyLimits,
    /// How often an application should ask.
    pub poll_interval: Duration,
    /// The most sessions of one page of `list`.
    pub max_page: usize,
    /// The most streams of `watch` at once.
    pub max_watchers: usize,
    /// Ends every stream of `watch`.
    pub streams: CancellationToken,
}

/// What the handlers take their parts from.
#[derive(Clone, Debug, FromRef)]
struct Shared {
    control: Control,
    authority: Authority,
    body: BodyLimits,
    check: Check,
    watch: Watch,
    list: List,
    report: Report,
    receiver: Receiver,
    room: Room,
}

/// The routes of the API listener.
pub fn routes(api: Api) -> Routes {
    let control = api.control;
    let shared = Shared {
        check: Check::new(control.clone(), api.authority.clone(), api.poll_interval),
        watch: Watch {
            control: control.clone(),
            slots: Arc::new(Semaphore::new(api.max_watchers)),
            shutdown: api.streams,
        },
        list: List {
            control: control.clone(),
            max_page: api.max_page,
        },
        report: Report {
            control: control.clone(),
            counter: api.counter,
        },
        receiver: Receiver {
            control: control.clone(),
            mapping: Arc::new(api.mapping),
        },
        control,
        room: Room::of(api.body.webhook_bytes),
        authority: api.authority,
        body: api.body,
    };
    let polls = shared.check.clone();
    let router = Router::new()
        .route(Route::Check.path(), get(check))
        .route(Route::Watch.path(), get(watch))
        .route(Route::Enable.path(), post(enable))
        .route(Route::Disable.path(), post(disable))
        .route(Route::List.path(), get(list))
        .route(Route::Explain.path(), get(explain))
        .route(Route::Errors.path(), post(errors))
        .route(Route::Freeze.path(), get(freeze::state).post(freeze::set))
        .route(Route::Webhook.path(), post(webhook))
        .merge(openapi::router())
        .with_state(shared);
    Routes {
        router,
        check: Some(polls),
    }
}
