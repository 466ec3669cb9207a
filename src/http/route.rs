//! The routes, in one list that the router, the metrics, the OpenAPI document and the tests share.

use crate::metrics::labels::Label;
pub use crate::metrics::labels::{Method, Route};

/// Who may use an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Anyone who reaches the listener.
    Anyone,
    /// An application or an operator; anyone, if the configuration opens `check`.
    Poller,
    /// An application or an operator.
    Application,
    /// An operator.
    Operator,
    /// Who knows the webhook's secret.
    Webhook,
}

/// One method of one route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The route.
    pub route: Route,
    /// The method.
    pub method: Method,
    /// Who may use it.
    pub role: Role,
}

/// Every operation of the API listener.
pub const API: [Operation; 11] = [
    operation(Route::Check, Method::Get, Role::Poller),
    operation(Route::Enable, Method::Post, Role::Operator),
    operation(Route::Disable, Method::Post, Role::Operator),
    operation(Route::List, Method::Get, Role::Operator),
    operation(Route::Explain, Method::Get, Role::Operator),
    operation(Route::Watch, Method::Get, Role::Poller),
    operation(Route::Errors, Method::Post, Role::Application),
    operation(Route::Freeze, Method::Get, Role::Operator),
    operation(Route::Freeze, Method::Post, Role::Operator),
    operation(Route::Webhook, Method::Post, Role::Webhook),
    operation(Route::OpenApi, Method::Get, Role::Anyone),
];

/// Every operation of the admin listener.
pub const ADMIN: [Operation; 4] = [
    operation(Route::Metrics, Method::Get, Role::Anyone),
    operation(Route::Livez, Method::Get, Role::Anyone),
    operation(Route::Readyz, Method::Get, Role::Anyone),
    operation(Route::Healthz, Method::Get, Role::Anyone),
];

const fn operation(route: Route, method: Method, role: Role) -> Operation {
    Operation {
        route,
        method,
        role,
    }
}

impl Route {
    /// The path, as the router and the OpenAPI document write it.
    pub const fn path(self) -> &'static str {
        self.as_str()
    }

    /// The route of a request's path, for the metrics and the log.
    pub fn of(path: &str) -> Self {
        match path.strip_prefix("/webhook/") {
            Some(kind) if !kind.is_empty() && !kind.contains('/') => Self::Webhook,
            _ => Self::ALL
                .iter()
                .copied()
                .find(|route| route.as_str() == path)
                .unwrap_or(Self::Unknown),
        }
    }

    /// Whether it is asked so often that it gets no span and no line of its own in the log.
    pub const fn is_quiet(self) -> bool {
        match self {
            Self::Check | Self::Watch | Self::Metrics | Self::Livez | Self::Readyz => true,
            Self::Enable
            | Self::Disable
            | Self::List
            | Self::Explain
            | Self::Errors
            | Self::Freeze
            | Self::Webhook
            | Self::OpenApi
            | Self::Healthz
            | Self::Unknown => false,
        }
    }
}

impl From<&axum::http::Method> for Method {
    fn from(method: &axum::http::Method) -> Self {
        match method.as_str() {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "OPTIONS" => Self::Options,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_its_route_and_nothing_else() {
        for operation in API.into_iter().chain(ADMIN) {
            assert_eq!(Route::of(operation.route.path()), operation.route);
        }
        assert_eq!(Route::of("/webhook/critical"), Route::Webhook);
        for path in [
            "/webhook/",
            "/webhook/a/b",
            "/api/autolog/check/",
            "/",
            "",
            "unknown",
        ] {
            assert_eq!(Route::of(path), Route::Unknown, "{path}");
        }
    }
}
