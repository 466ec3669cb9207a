//! The service, as seen from a client command.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, ETAG, HeaderValue, IF_NONE_MATCH};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::exit::CommandError;
use crate::config::ClientConfig;
use crate::credentials::{Role, generated_path};

const CONNECT: Duration = Duration::from_secs(3);
/// More than any answer takes: the service answers a write within a second, whatever its store does.
const TOTAL: Duration = Duration::from_secs(10);
/// More than a stream of `watch` lasts.
const STREAM: Duration = Duration::from_hours(1);

/// A running service.
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    token: Option<HeaderValue>,
}

/// The answer of `check` and what to send to hear only of another one.
pub(super) struct Checked {
    pub(super) answer: Value,
    pub(super) etag: Option<HeaderValue>,
}

impl Client {
    /// Prepares for requests to the configured service, or to `url`.
    pub(super) fn new(config: &ClientConfig, url: Option<&str>) -> Result<Self, CommandError> {
        let mut base = match Url::parse(url.unwrap_or(&config.url)) {
            Ok(base) if matches!(base.scheme(), "http" | "https") => base,
            Ok(_) | Err(_) => return Err(CommandError::Url),
        };
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let token = config.token.clone().or_else(|| generated_token(config));
        let token = token.as_ref().map(bearer).transpose()?;
        let http = builder(&base)
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            .build()
            .map_err(CommandError::Client)?;
        Ok(Self { http, base, token })
    }

    /// Reads from `path` under `api/autolog/`.
    pub(super) async fn get(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Value, CommandError> {
        let response = self
            .send(self.request(Method::GET, path)?.query(query))
            .await?;
        self.body(response).await
    }

    /// Sends `body` to `path` under `api/autolog/`.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, CommandError> {
        let response = self
            .send(self.request(Method::POST, path)?.json(body))
            .await?;
        self.body(response).await
    }

    /// Asks `check`; none if the answer is still the one of `etag`.
    pub(super) async fn check(
        &self,
        query: &[(&str, &str)],
        etag: Option<&HeaderValue>,
    ) -> Result<Option<Checked>, CommandError> {
        let mut request = self.request(Method::GET, "check")?.query(query);
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let response = self.send(request).await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        let etag = response.headers().get(ETAG).cloned();
        let answer = self.body(response).await?;
        Ok(Some(Checked { answer, etag }))
    }

    /// Opens the stream of `watch`; none if this service has none to give now.
    ///
    /// It lasts longer than any other answer, and so has a limit of its own.
    pub(super) async fn watch(
        &self,
        query: &[(&str, &str)],
    ) -> Result<Option<Response>, CommandError> {
        let request = self.request(Method::GET, "watch")?.query(query);
        let response = self.send(request.timeout(STREAM)).await?;
        Ok((response.status() == StatusCode::OK).then_some(response))
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, CommandError> {
        let Ok(url) = self.base.join(&format!("api/autolog/{path}")) else {
            return Err(CommandError::Url);
        };
        let request = self.http.request(method, url);
        Ok(match &self.token {
            Some(token) => request.header(AUTHORIZATION, token),
            None => request,
        })
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, CommandError> {
        request
            .send()
            .await
            .map_err(|error| self.unreachable(error))
    }

    async fn body(&self, response: Response) -> Result<Value, CommandError> {
        let status = response.status();
        let body = response.bytes().await;
        let body = body.map_err(|error| self.unreachable(error))?;
        if status.is_success() {
            return match serde_json::from_slice(&body) {
                Ok(answer) => Ok(answer),
                Err(_) => Err(self.foreign(status)),
            };
        }
        match serde_json::from_slice(&body) {
            Ok(problem) => Err(CommandError::Problem {
                status,
                problem,
                no_token: status == StatusCode::UNAUTHORIZED && self.token.is_none(),
            }),
            Err(_) => Err(self.foreign(status)),
        }
    }

    fn unreachable(&self, error: reqwest::Error) -> CommandError {
        CommandError::Unreachable {
            origin: self.origin(),
            source: error.without_url(),
        }
    }

    fn foreign(&self, status: StatusCode) -> CommandError {
        CommandError::Foreign {
            origin: self.origin(),
            status,
        }
    }

    /// Scheme, host and port: the address may hold a user and a password.
    fn origin(&self) -> String {
        self.base.origin().ascii_serialization()
    }
}

/// Asks `url`, an address of this machine without TLS, and tells the status.
pub(super) async fn probe(url: &str) -> Result<StatusCode, CommandError> {
    let build = |base: &Url| builder(base).no_proxy().timeout(CONNECT).build();
    let base = Url::parse(url).or(Err(CommandError::AdminListen))?;
    let http = build(&base).map_err(CommandError::Client)?;
    let response = http.get(url).send().await;
    let response = response.map_err(|error| CommandError::Unreachable {
        origin: base.origin().ascii_serialization(),
        source: error.without_url(),
    })?;
    Ok(response.status())
}

/// Starts a client that follows no redirect, since it would take the token along.
///
/// Without TLS no CA certificates are looked for: a small image has none.
fn builder(base: &Url) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("autolog/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none());
    if base.scheme() == "http" {
        builder.tls_certs_only([])
    } else {
        builder
    }
}

fn generated_token(config: &ClientConfig) -> Option<SecretString> {
    let path = generated_path(&config.data_dir, Role::Operator)?;
    let token = std::fs::read_to_string(path).ok()?;
    let token = token.trim_end_matches(['\r', '\n']);
    (!token.is_empty()).then(|| token.into())
}

fn bearer(token: &SecretString) -> Result<HeaderValue, CommandError> {
    match HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())) {
        Ok(mut value) => {
            value.set_sensitive(true);
            Ok(value)
        }
        Err(_) => Err(CommandError::Token),
    }
}
