//! Who may do what.

use autolog::http::route::{ADMIN, API, Operation, Role, Route};
use autolog::metrics::labels::Method as Known;
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::reply::Reply;
use crate::service::{APP_TOKEN, OPERATOR_TOKEN, SOON, Service, WEBHOOK_SECRET};

const WRONG: &str = "none-of-the-tokens-of-this-test";

/// The request of an operation, with nothing that would make it more than refused or harmless.
fn request(service: &Service, operation: Operation) -> RequestBuilder {
    let path = operation.route.path().replace("{type}", "critical");
    match operation.method {
        Known::Post => service.request(Method::POST, &path).json(&json!({})),
        Known::Get | Known::Head | Known::Options | Known::Other => {
            service.request(Method::GET, &path)
        }
    }
}

/// The operations whose answers end; of watch, `watch.rs` tells.
fn served() -> impl Iterator<Item = Operation> {
    API.into_iter()
        .filter(|operation| operation.route != Route::Watch)
}

/// What a secret's bearer gets for an operation: none if it is let in.
fn refusal(role: Role, secret: Option<&str>, open_check: bool) -> Option<u16> {
    let is = |secrets: &[&str]| secret.is_some_and(|secret| secrets.contains(&secret));
    match role {
        Role::Anyone => None,
        Role::Poller if open_check => None,
        Role::Poller | Role::Application if is(&[APP_TOKEN, OPERATOR_TOKEN]) => None,
        Role::Operator if is(&[OPERATOR_TOKEN]) => None,
        Role::Operator if is(&[APP_TOKEN]) => Some(403),
        Role::Webhook if is(&[WEBHOOK_SECRET]) => None,
        Role::Poller | Role::Application | Role::Operator | Role::Webhook => Some(401),
    }
}

async fn every_route_asks_for_its_role(open_check: bool) {
    let service = Service::start(&[("AUTOLOG_OPEN_CHECK", &open_check.to_string())]);
    for operation in served() {
        for secret in [
            None,
            Some(WRONG),
            Some(APP_TOKEN),
            Some(OPERATOR_TOKEN),
            Some(WEBHOOK_SECRET),
        ] {
            let mut request = request(&service, operation);
            if let Some(secret) = secret {
                request = request.bearer_auth(secret);
            }
            let reply = Reply::to(request).await;
            let expected = refusal(operation.role, secret, open_check);
            let context = format!("{operation:?} with {secret:?}: {reply:?}");
            match expected {
                Some(401) => {
                    assert_eq!(reply.status, 401, "{context}");
                    assert_eq!(reply.problem(), "unauthorized", "{context}");
                    assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"autolog\"");
                }
                Some(status) => {
                    assert_eq!(reply.status, status, "{context}");
                    assert_eq!(reply.problem(), "forbidden", "{context}");
                }
                None => assert!(matches!(reply.status, 200 | 400 | 422), "{context}"),
            }
        }
    }
}

#[tokio::test]
async fn every_route_asks_for_its_role_where_check_is_closed() {
    every_route_asks_for_its_role(false).await;
}

#[tokio::test]
async fn only_check_answers_without_a_token_where_it_is_open() {
    every_route_asks_for_its_role(true).await;
}

#[tokio::test]
async fn a_refusal_never_tells_more_than_that_a_secret_is_missing_or_wrong() {
    let service = Service::start(&[]);
    let mut seen = Vec::new();
    for operation in served() {
        if matches!(operation.role, Role::Anyone | Role::Poller) {
            continue;
        }
        for secret in [
            "",
            WRONG,
            WEBHOOK_SECRET.get(1..).unwrap(),
            &format!("{OPERATOR_TOKEN}x"),
        ] {
            let reply = Reply::to(request(&service, operation).bearer_auth(secret)).await;
            let mut problem = reply.refuses(401, "unauthorized").json();
            problem["request_id"] = json!(null);
            seen.push(problem);
        }
    }
    assert!(seen.iter().all(|problem| *problem == seen[0]), "{seen:?}");
}

#[tokio::test]
async fn an_unknown_route_and_a_wrong_method_ask_for_nothing() {
    let service = Service::start(&[]);
    let unknown = service.request(Method::GET, "/api/autolog/unknown");
    Reply::to(unknown).await.refuses(404, "not_found");
    let wrong = service.request(Method::GET, "/api/autolog/enable");
    Reply::to(wrong).await.refuses(405, "method_not_allowed");
}

#[tokio::test]
async fn the_admin_listener_answers_anyone_and_only_what_is_its_own() {
    let service = Service::start(&[]);
    crate::service::eventually(SOON, async || service.admin("/healthz").await.0 == 200).await;
    for operation in ADMIN {
        assert_eq!(
            service.admin(operation.route.path()).await.0,
            200,
            "{operation:?}"
        );
        let on_api = service.request(Method::GET, operation.route.path());
        Reply::to(on_api).await.refuses(404, "not_found");
    }
    for operation in API {
        let path = operation.route.path().replace("{type}", "critical");
        assert_eq!(service.admin(&path).await.0, 404, "{operation:?}");
    }
}

#[tokio::test]
async fn a_flood_of_wrong_secrets_is_slowed_down_and_never_locks_out_a_right_one() {
    let service = Service::start(&[]);
    let wrong = || {
        Reply::to(
            service
                .request(Method::GET, "/api/autolog/list")
                .bearer_auth(WRONG),
        )
    };
    let replies = futures_util::future::join_all((0..150).map(|_| wrong())).await;
    let slowed: Vec<&Reply> = replies.iter().filter(|reply| reply.status == 429).collect();
    assert!(!slowed.is_empty());
    for reply in slowed {
        reply.refuses(429, "too_many_wrong_secrets");
        assert_eq!(reply.header("retry-after"), "1");
        assert_eq!(service.get("/api/autolog/list").await.0, 200);
    }
    assert!(
        service
            .metric("autolog_http_refused_total{reason=\"wrong_secrets\"}")
            .await
            > 0.0
    );
}
