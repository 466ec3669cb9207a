//! Requests that no library would send.

use reqwest::Method;
use tokio::net::TcpStream;

use super::{WITH_BODY, WITH_QUERY, is_well, request, send};
use crate::http_world::Wire;
use crate::service::{OPERATOR_TOKEN, Service};

/// Sends the head of a request on a connection of its own, and returns the status of the answer.
async fn ask(service: &Service, method: &str, target: &str) -> crate::http_world::Reply {
    let address = service.url().strip_prefix("http://").unwrap();
    let mut wire = Wire(TcpStream::connect(address).await.unwrap());
    let head = format!(
        "{method} {target} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {OPERATOR_TOKEN}\r\n\
         content-length: 0\r\nconnection: close\r\n\r\n"
    );
    wire.send(head).await;
    if method == "HEAD" {
        wire.head().await
    } else {
        wire.reply().await
    }
}

#[tokio::test]
async fn a_path_that_is_no_route_is_not_found() {
    let service = Service::start(&[]);
    let long = format!("/webhook/a/{}", "a".repeat(8_000));
    for path in [
        "/",
        "//",
        "///",
        "/.",
        "/..",
        "/api",
        "/api/",
        "/api/autolog",
        "/api/autolog/",
        "/api/autolog/check/",
        "/api//autolog/check",
        "//api/autolog/check",
        "/api/autolog//check",
        "/API/autolog/check",
        "/api/autolog/Check",
        "/api/autolog/%63heck",
        "/api/autolog/check%00",
        "/api/autolog/check%20",
        "/api/autolog/check;x=1",
        "/api/autolog/..%2fenable",
        "/api/autolog/../autolog/check",
        "/api/autolog/enable/x",
        "/api/autolog/{type}",
        "/webhook",
        "/webhook/",
        "/webhook//",
        "/webhook/a/b",
        "/webhook/autolog/",
        "/webhook//autolog",
        "/webhooks/autolog",
        "/metrics",
        "/livez",
        "/readyz",
        "/healthz",
        "/api/openapi.json/",
        "/api/openapi",
        "/favicon.ico",
        "/%",
        "/%zz",
        "/%ff",
        "/%00",
        &long,
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let reply = ask(&service, method, path).await;
            assert_eq!(
                (reply.status, reply.code().as_str()),
                (404, "not_found"),
                "{method} {path}"
            );
        }
        assert_eq!(ask(&service, "HEAD", path).await.status, 404, "{path}");
    }
    is_well(&service).await;
}

#[tokio::test]
async fn any_text_in_its_place_is_a_type_of_webhook() {
    let service = Service::start(&[]);
    for kind in [
        "a%2fb",
        "%00",
        "%ff",
        "%",
        "%zz",
        "..",
        "%2e%2e",
        "a;b",
        "{type}",
        "*",
        "a?b",
        &"a".repeat(4_000),
    ] {
        let reply = ask(&service, "POST", &format!("/webhook/{kind}")).await;
        // An operator's token is no webhook's secret.
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (401, "unauthorized"),
            "{kind}"
        );
    }
    let of_other = "autolog_webhook_requests_total{outcome=\"unauthorized\",type=\"other\"}";
    assert_eq!(service.metric(of_other).await, 12.0);
    is_well(&service).await;
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_refused_and_the_right_ones_are_named() {
    let service = Service::start(&[]);
    let methods = [
        "PUT", "OPTIONS", "PATCH", "DELETE", "TRACE", "PROPFIND", "FOO", "get", "post", "QUERY",
    ];
    let mut requests = Vec::new();
    for method in methods {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        for path in WITH_BODY
            .into_iter()
            .chain(WITH_QUERY)
            .chain(["/api/openapi.json"])
        {
            let name = format!("{method} {path}");
            requests.push((name, request(&service, method.clone(), path)));
        }
    }
    for path in WITH_QUERY {
        requests.push((path.to_owned(), request(&service, Method::POST, path)));
    }
    for path in WITH_BODY.iter().filter(|path| !path.ends_with("freeze")) {
        requests.push(((*path).to_owned(), request(&service, Method::GET, path)));
    }
    for (name, reply) in send(requests).await {
        assert_eq!(
            (reply.status, reply.problem().as_str()),
            (405, "method_not_allowed"),
            "{name}"
        );
        assert!(!reply.header("allow").is_empty(), "{name}: {reply:?}");
    }
    is_well(&service).await;
}

#[tokio::test]
async fn odd_targets_of_requests_are_answered() {
    let service = Service::start(&[]);
    let check = "/api/autolog/check?app=shop&environment=production";
    let absolute = format!("http://example.com{check}");
    assert_eq!(ask(&service, "GET", &absolute).await.status, 200);
    for (method, target) in [
        ("OPTIONS", "*"),
        ("GET", "*"),
        ("CONNECT", "example.com:443"),
        ("GET", "http://example.com"),
        (
            "GET",
            "/api/autolog/check?app=shop&environment=production#fragment",
        ),
        ("GET", "/api/autolog/check??app=shop&environment=production"),
        ("GET", "/?"),
    ] {
        let reply = ask(&service, method, target).await;
        assert!(reply.status < 500, "{method} {target}: {reply:?}");
        // Bytes that are no HTTP get the library's own 400.
        if reply.status > 400 {
            reply.problem();
        }
    }
    is_well(&service).await;
}
