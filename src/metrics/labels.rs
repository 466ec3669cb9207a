//! The closed sets of label values, so that no input can become a time series.

use crate::domain::event::Ending;
use crate::domain::holder::Source;
use crate::domain::loss::LostWrite;
use crate::domain::outcome::{Guardrail, Outcome};

/// A closed set of values of one label.
pub trait Label: Copy + PartialEq + 'static {
    /// Every value, for metrics that start at zero.
    const ALL: &'static [Self];

    /// The value as Prometheus shows it.
    fn text(self) -> &'static str;
}

/// Defines closed sets of label values.
macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// The value as Prometheus shows it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl Label for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn text(self) -> &'static str {
                self.as_str()
            }
        }
    )+};
}

/// Makes label values of the domain's own closed sets.
macro_rules! domain_labels {
    ($($name:ident),+) => {$(
        impl Label for $name {
            const ALL: &'static [Self] = &Self::ALL;

            fn text(self) -> &'static str {
                self.as_str()
            }
        }
    )+};
}

domain_labels!(Source, Ending, Guardrail, LostWrite);

labels! {
    /// The routes, by their path.
    Route {
        /// An application asks for its level.
        Check = "/api/autolog/check",
        /// An operator opens a session.
        Enable = "/api/autolog/enable",
        /// An operator ends sessions.
        Disable = "/api/autolog/disable",
        /// An operator lists the live sessions.
        List = "/api/autolog/list",
        /// An operator asks why an application logs as it does.
        Explain = "/api/autolog/explain",
        /// An application waits for changes.
        Watch = "/api/autolog/watch",
        /// An application reports errors.
        Errors = "/api/autolog/errors",
        /// An operator stops or releases automatic sources.
        Freeze = "/api/autolog/freeze",
        /// Alertmanager delivers alerts.
        Webhook = "/webhook/{type}",
        /// The description of this API.
        OpenApi = "/api/openapi.json",
        /// The metrics.
        Metrics = "/metrics",
        /// Whether the process runs.
        Livez = "/livez",
        /// Whether it can serve.
        Readyz = "/readyz",
        /// Whether it can serve and reach its store.
        Healthz = "/healthz",
        /// Any path that is no route.
        Unknown = "unknown",
    }

    /// The methods of requests.
    Method {
        /// GET.
        Get = "GET",
        /// HEAD.
        Head = "HEAD",
        /// POST.
        Post = "POST",
        /// OPTIONS.
        Options = "OPTIONS",
        /// Any other method.
        Other = "other",
    }

    /// The statuses of answers.
    Status {
        /// 200.
        Ok = "200",
        /// 202.
        Accepted = "202",
        /// 204.
        NoContent = "204",
        /// 304.
        NotModified = "304",
        /// 400.
        BadRequest = "400",
        /// 401.
        Unauthorized = "401",
        /// 403.
        Forbidden = "403",
        /// 404.
        NotFound = "404",
        /// 405.
        MethodNotAllowed = "405",
        /// 408.
        RequestTimeout = "408",
        /// 409.
        Conflict = "409",
        /// 413.
        PayloadTooLarge = "413",
        /// 415.
        UnsupportedMediaType = "415",
        /// 422.
        UnprocessableEntity = "422",
        /// 429.
        TooManyRequests = "429",
        /// 499: the client left before it was answered.
        ClientGone = "499",
        /// 500.
        InternalServerError = "500",
        /// 503.
        ServiceUnavailable = "503",
        /// Any other status.
        Other = "other",
    }

    /// Why a connection or a request was refused.
    Refusal {
        /// The bytes were no HTTP request.
        NotHttp = "not_http",
        /// The head of the request was too large.
        HeadTooLarge = "head_too_large",
        /// The head of the request was not complete in time.
        SlowHead = "slow_head",
        /// A new connection sent nothing in time.
        NoRequest = "no_request",
        /// The body of the request was not complete in time.
        SlowBody = "slow_body",
        /// The body of the request was too large.
        BodyTooLarge = "body_too_large",
        /// The client did not read its answer.
        SlowReader = "slow_reader",
        /// Too many connections were open.
        Connections = "connections",
        /// Too many watchers were connected.
        Watchers = "watchers",
        /// Too many webhooks were in progress, or too long ones.
        Webhooks = "webhooks",
        /// The peer presented too many wrong secrets.
        WrongSecrets = "wrong_secrets",
        /// The drain at shutdown was over.
        Shutdown = "shutdown",
    }

    /// The kinds of webhooks that are told apart.
    WebhookType {
        /// Every alert of it opens a session.
        Autolog = "autolog",
        /// Critical alerts.
        Critical = "critical",
        /// Alerts about applications.
        Application = "application",
        /// Alerts about infrastructure.
        Infrastructure = "infrastructure",
        /// The alert that always fires, to show that alerting works.
        Watchdog = "watchdog",
        /// Alerts of Grafana.
        Grafana = "grafana",
        /// Any other type.
        Other = "other",
    }

    /// What became of a webhook.
    WebhookOutcome {
        /// It was handled and what it asked for is durable.
        Accepted = "accepted",
        /// Its body was no Alertmanager message.
        Invalid = "invalid",
        /// Its secret was missing or wrong.
        Unauthorized = "unauthorized",
        /// Its body was too large.
        TooLarge = "too_large",
        /// It could not be made durable, or came too slowly; the sender tries again.
        Unavailable = "unavailable",
        /// The sender left before it was answered.
        ClientGone = "client_gone",
        /// Something failed here.
        Failed = "failed",
    }

    /// What became of an alert.
    AlertOutcome {
        /// It opened a session.
        Opened = "opened",
        /// It was added to a session or renewed.
        Extended = "extended",
        /// It changed nothing worth writing.
        Unchanged = "unchanged",
        /// It is over.
        Resolved = "resolved",
        /// It is older than what is known already.
        Stale = "stale",
        /// A guardrail said no.
        Refused = "refused",
        /// A guardrail said no; it opens when that lifts.
        Waiting = "waiting",
        /// It names no application or no environment.
        Unmapped = "unmapped",
        /// It does not ask for verbose logging.
        Ignored = "ignored",
        /// It has no usable form.
        Invalid = "invalid",
        /// It was beyond the number of alerts handled in one message.
        OverLimit = "over_limit",
        /// The sender left it out of its message.
        Truncated = "truncated",
    }

    /// What a poll was answered.
    CheckResult {
        /// A session is live.
        Enabled = "enabled",
        /// No session is live.
        Disabled = "disabled",
        /// Nothing changed since the last poll.
        NotModified = "not_modified",
        /// This replica has never read its store.
        NotSynced = "not_synced",
        /// The poll was not valid.
        Rejected = "rejected",
    }

    /// What a limit on live sessions counts.
    LimitScope {
        /// All sessions.
        Sessions = "sessions",
        /// Sessions of one application.
        SessionsPerApp = "sessions_per_app",
        /// Automatic sessions.
        Automatic = "automatic",
        /// Automatic sessions of one application.
        AutomaticPerApp = "automatic_per_app",
    }

    /// What the store was asked to do.
    StoreOperation {
        /// Observe alerts.
        Observe = "observe",
        /// Open sessions for error windows over their threshold.
        Trigger = "trigger",
        /// Enable a target.
        Enable = "enable",
        /// Disable targets.
        Disable = "disable",
        /// Count errors.
        Count = "count",
        /// Freeze or release.
        Freeze = "freeze",
        /// End what has lapsed.
        Sweep = "sweep",
        /// End again what a store that lost changes had forgotten to be over.
        Heal = "heal",
        /// Read everything.
        List = "list",
    }

    /// What became of a store operation.
    StoreOutcome {
        /// It was done.
        Done = "done",
        /// The store could not be reached or refused to write.
        Unavailable = "unavailable",
        /// What is stored makes no sense.
        Corrupt = "corrupt",
    }

    /// Why everything was read again.
    ResyncReason {
        /// The replica started.
        Start = "start",
        /// The connection to the store was made anew.
        Reconnect = "reconnect",
        /// A change was missing.
        Gap = "gap",
        /// The clocks have parted, a stop that only this replica obeyed was stored, or an acknowledged write did not come.
        Doubt = "doubt",
    }

    /// A background task that is restarted when it ends.
    Task {
        /// Follows the store's changes.
        Feed = "feed",
        /// Looks after the store's connections.
        Store = "store",
        /// Tells watchers of what changes by time alone.
        Watchers = "watchers",
        /// Ends what has lapsed.
        Sweeper = "sweeper",
        /// Flushes the error counts.
        Counts = "counts",
        /// Reads secrets again.
        Credentials = "credentials",
        /// Stores what was applied locally.
        Retry = "retry",
    }
}

impl WebhookType {
    /// The kind that `text`, the last part of a webhook's path, names.
    pub fn of(text: &str) -> Self {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.as_str() == text)
            .unwrap_or(Self::Other)
    }
}

impl Status {
    /// The label of the status `code`.
    pub fn of(code: u16) -> Self {
        match code {
            200 => Self::Ok,
            202 => Self::Accepted,
            204 => Self::NoContent,
            304 => Self::NotModified,
            400 => Self::BadRequest,
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            405 => Self::MethodNotAllowed,
            408 => Self::RequestTimeout,
            409 => Self::Conflict,
            413 => Self::PayloadTooLarge,
            415 => Self::UnsupportedMediaType,
            422 => Self::UnprocessableEntity,
            429 => Self::TooManyRequests,
            499 => Self::ClientGone,
            500 => Self::InternalServerError,
            503 => Self::ServiceUnavailable,
            _ => Self::Other,
        }
    }
}

impl From<Status> for WebhookOutcome {
    fn from(status: Status) -> Self {
        match status {
            Status::Ok | Status::Accepted | Status::NoContent => Self::Accepted,
            Status::Unauthorized | Status::Forbidden | Status::TooManyRequests => {
                Self::Unauthorized
            }
            Status::PayloadTooLarge => Self::TooLarge,
            Status::ServiceUnavailable | Status::RequestTimeout => Self::Unavailable,
            Status::ClientGone => Self::ClientGone,
            Status::InternalServerError | Status::Other => Self::Failed,
            Status::NotModified
            | Status::BadRequest
            | Status::NotFound
            | Status::MethodNotAllowed
            | Status::Conflict
            | Status::UnsupportedMediaType
            | Status::UnprocessableEntity => Self::Invalid,
        }
    }
}

impl From<Outcome> for AlertOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Opened => Self::Opened,
            Outcome::Extended => Self::Extended,
            Outcome::Unchanged => Self::Unchanged,
            Outcome::Resolved => Self::Resolved,
            Outcome::Stale => Self::Stale,
            Outcome::Refused { waiting: true, .. } => Self::Waiting,
            Outcome::Refused { waiting: false, .. } => Self::Refused,
        }
    }
}
