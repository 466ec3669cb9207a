//! Who may do what, and what who guesses is told.

use autolog::http::limits::Limits;

use crate::http_world::{APP, CHECK, OPERATOR, WEBHOOK, World, get_with, post_json};

const ORDER: &str = "{\"app\":\"shop\"}";

#[tokio::test]
async fn each_role_may_do_what_it_may_and_no_more() {
    let world = World::with_open_check(Limits::default(), false).await;
    world.gate.add_permits(10);
    let (check, list) = ("GET /api/autolog/check?app=shop", "GET /api/autolog/list");
    let (errors, webhook) = ("POST /api/autolog/errors", "POST /webhook/autolog");
    for (line, token, status) in [
        (check, APP, 200),
        (check, OPERATOR, 200),
        (check, WEBHOOK, 401),
        (errors, APP, 200),
        (errors, OPERATOR, 200),
        (errors, WEBHOOK, 401),
        (list, OPERATOR, 200),
        (list, APP, 403),
        (list, WEBHOOK, 401),
        (webhook, WEBHOOK, 200),
        (webhook, OPERATOR, 401),
        (webhook, APP, 401),
    ] {
        for header in ["authorization: Bearer", "x-api-key:"] {
            let request = format!(
                "{line} HTTP/1.1\r\nhost: a\r\n{header} {token}\r\n\
                 content-type: application/json\r\ncontent-length: 0\r\n\r\n"
            );
            let reply = world.ask(&request).await;
            assert_eq!(reply.status, status, "{line} {header} {token}");
            if status != 200 {
                let code = if status == 403 {
                    "forbidden"
                } else {
                    "unauthorized"
                };
                assert_eq!(reply.code(), code);
                assert_eq!(reply.header("www-authenticate").is_some(), status == 401);
            }
        }
    }
}

#[tokio::test]
async fn a_missing_and_a_wrong_secret_look_alike() {
    let world = World::start().await;
    let strip = |body: &str| {
        let mut problem: serde_json::Value = serde_json::from_str(body).unwrap();
        problem["request_id"].take();
        problem
    };
    for path in ["/api/autolog/enable", "/webhook/autolog"] {
        let wrong = world.ask(&post_json(path, "hunter2", ORDER)).await;
        let missing = post_json(path, "x", ORDER).replace("authorization: Bearer x\r\n", "");
        let missing = world.ask(&missing).await;
        assert_eq!((wrong.status, missing.status), (401, 401));
        assert_eq!(strip(&wrong.body), strip(&missing.body));
    }
}

#[tokio::test]
async fn a_webhook_may_present_its_secret_in_three_ways() {
    let world = World::start().await;
    let request = post_json("/webhook/autolog", WEBHOOK, "{}");
    let bearer = format!("authorization: Bearer {WEBHOOK}");
    assert!(request.contains(&bearer));
    let basic = "authorization: Basic YWxlcnRtYW5hZ2VyOmZha2U6d2ViaG9vazpzZWNyZXQ6MDAwMDAw";
    for header in [
        bearer.as_str(),
        basic,
        &format!("x-webhook-secret: {WEBHOOK}"),
    ] {
        let reply = world.ask(&request.replace(&bearer, header)).await;
        assert_eq!(reply.status, 200, "{header}");
    }
}

#[tokio::test]
async fn an_open_check_opens_nothing_else() {
    let world = World::start().await;
    assert_eq!(world.ask(CHECK).await.status, 200);
    let wrong = get_with("/api/autolog/check?app=shop", "authorization: Bearer wrong");
    assert_eq!(world.ask(&wrong).await.status, 200);
    for line in [
        "GET /api/autolog/list",
        "GET /api/autolog/explain",
        "POST /api/autolog/errors",
        "POST /api/autolog/enable",
        "POST /api/autolog/disable",
        "POST /webhook/autolog",
    ] {
        let request = format!("{line} HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(world.ask(&request).await.status, 401, "{line}");
    }
    assert_eq!(
        world
            .ask(&get_with("/api/openapi.json", "accept: */*"))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_flood_of_wrong_secrets_is_slowed_down_and_locks_nobody_out() {
    let world = World::start().await;
    let mut wire = world.connect().await;
    let mut statuses = std::collections::BTreeMap::<u16, u32>::new();
    for _ in 0..300 {
        wire.send(post_json("/webhook/autolog", "wrong", "{}"))
            .await;
        let reply = wire.reply().await;
        if reply.status == 429 {
            assert_eq!(reply.code(), "too_many_wrong_secrets");
            assert_eq!(reply.header("retry-after"), Some("1"));
        }
        *statuses.entry(reply.status).or_default() += 1;
    }
    assert!(
        statuses[&401] >= 100 && statuses[&429] >= 100,
        "{statuses:?}"
    );
    for request in [
        post_json("/webhook/autolog", WEBHOOK, "{}"),
        post_json("/api/autolog/enable", OPERATOR, ORDER),
    ] {
        wire.send(request).await;
        assert_eq!(wire.reply().await.status, 200);
    }
    let missing =
        post_json("/webhook/autolog", "x", "{}").replace("authorization: Bearer x\r\n", "");
    assert_eq!(world.ask(&missing).await.status, 401);
    let refused = format!(
        "autolog_http_refused_total{{reason=\"wrong_secrets\"}} {}",
        statuses[&429]
    );
    world.sees(&refused).await;
}
