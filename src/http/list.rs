//! `GET /api/autolog/list`: the live sessions.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;

use super::auth::Operator;
use super::error::{ApiError, Fault, Rule};
use super::extract::Params;
use super::wire::{SessionBody, instant};
use crate::control::{Control, Page};
use crate::domain::name::{App, Endpoint, Environment};
use crate::domain::target::Target;

/// How many sessions a page has if nobody says otherwise.
const DEFAULT_PAGE: u64 = 100;

/// What `list` needs.
#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(crate) control: Control,
    /// The most sessions of one page.
    pub(crate) max_page: usize,
}

#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    /// How many sessions match, on this page and others.
    count: usize,
    sessions: Vec<ListedBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    stale: bool,
}

#[derive(Debug, Serialize)]
struct ListedBody {
    #[serde(flatten)]
    session: SessionBody,
    last_checked_at: Option<Timestamp>,
}

pub(crate) async fn list(
    State(list): State<List>,
    _: Operator,
    params: Params<'static>,
) -> Result<Json<Answer>, ApiError> {
    let max_page = u64::try_from(list.max_page).unwrap_or(u64::MAX);
    let limit = params.number("limit", 1..=max_page)?;
    let limit = limit.unwrap_or_else(|| DEFAULT_PAGE.min(max_page));
    let after = params
        .text("cursor")?
        .map(|text| Cursor::parse(&text))
        .transpose()?;
    let listed = list.control.list(&Page {
        app: params.name("app")?,
        environment: params.name("environment")?,
        after,
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
    })?;
    let page_end = listed.sessions.last().map(|(target, ..)| target.clone());
    let sessions = listed
        .sessions
        .iter()
        .filter_map(|(target, session, polled)| {
            Some(ListedBody {
                session: SessionBody::of(target, session, listed.now)?,
                last_checked_at: polled.map(instant),
            })
        });
    Ok(Json(Answer {
        count: listed.count,
        sessions: sessions.collect(),
        next_cursor: page_end
            .filter(|_| listed.more)
            .map(|target| Cursor::of(&target)),
        stale: list.control.snapshot().is_stale(),
    }))
}

/// The last target of a page as text: its parts, between characters that no application and no environment has.
struct Cursor;

impl Cursor {
    /// Needs no percent-encoding in a URL.
    const SEPARATOR: char = '~';

    fn of(target: &Target) -> String {
        let endpoint = target.endpoint.as_ref().map_or("", Endpoint::as_str);
        let separator = Self::SEPARATOR;
        format!(
            "{}{separator}{}{separator}{endpoint}",
            target.app, target.environment
        )
    }

    fn parse(text: &str) -> Result<Target, ApiError> {
        Self::target(text).ok_or_else(|| {
            let words = Rule::of("must be the next_cursor of the page before");
            ApiError::parameter("cursor", words.map_or(Fault::Invalid, Fault::Rule))
        })
    }

    fn target(text: &str) -> Option<Target> {
        let mut parts = text.splitn(3, Self::SEPARATOR);
        Some(Target {
            app: App::parse(parts.next()?).ok()?,
            environment: Environment::parse(parts.next()?).ok()?,
            endpoint: match parts.next()? {
                "" => None,
                endpoint => Some(Endpoint::parse(endpoint).ok()?),
            },
        })
    }
}
