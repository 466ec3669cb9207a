use super::*;
use crate::domain::time::Time;

type Sender = tokio::sync::watch::Sender<Arc<Notice>>;

fn events(lasting: Duration) -> (Sender, Events) {
    let since = Time::from_millis(1_795_000_000_000);
    let (sender, notices) = tokio::sync::watch::channel(Arc::new(Notice::new("9f3c", since)));
    let build = crate::metrics::Build {
        version: "0",
        revision: "none",
    };
    let metrics = crate::metrics::Metrics::new(build).unwrap();
    let events = Events {
        notices,
        hello: Some(3_000),
        written: Instant::now(),
        ends: Instant::now() + lasting,
        shutdown: CancellationToken::new(),
        _slot: Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap(),
        _counted: metrics.requests.watching(),
    };
    (sender, events)
}

async fn text(events: &mut Events) -> Option<String> {
    let bytes = events.next().await?;
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_first_event_tells_the_state_and_when_to_come_back() {
    let (_sender, mut events) = events(MAX_AGE);
    assert_eq!(
        text(&mut events).await.unwrap(),
        "retry: 3000\nid: 9f3c\nevent: message\ndata: {\"type\":\"refetchEvaluation\",\"etag\":\"W/\\\"9f3c\\\"\",\"lastModified\":1795000000,\"revision\":\"9f3c\"}\n\n"
    );
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_shows_every_fifteen_seconds_that_it_is_alive() {
    let (_sender, mut events) = events(MAX_AGE);
    text(&mut events).await.unwrap();
    let begun = Instant::now();
    for number in 1..=3 {
        assert_eq!(text(&mut events).await.unwrap(), ":\n\n");
        assert_eq!(begun.elapsed().as_secs(), 15 * number);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_told_the_newest_state_only() {
    let (sender, mut events) = events(MAX_AGE);
    text(&mut events).await.unwrap();
    for revision in ["aaaa", "bbbb", "cccc"] {
        sender.send_replace(Arc::new(Notice::new(revision, Time::from_millis(1))));
    }
    assert!(
        text(&mut events)
            .await
            .unwrap()
            .starts_with("id: cccc\nevent")
    );
    assert_eq!(
        text(&mut events).await.unwrap(),
        ":\n\n",
        "and nothing else"
    );
}

#[test]
fn all_watchers_of_a_view_share_the_bytes_of_a_notice() {
    let notice = Notice::new("9f3c", Time::from_millis(1));
    assert!(Arc::ptr_eq(&event(&notice), &event(&notice)));
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_at_its_age_and_at_shutdown() {
    let (_sender, mut aging) = events(Duration::from_secs(40));
    let begun = Instant::now();
    while text(&mut aging).await.is_some() {}
    assert_eq!(begun.elapsed().as_secs(), 40);
    let (_sender, mut ended) = events(MAX_AGE);
    text(&mut ended).await.unwrap();
    ended.shutdown.cancel();
    assert!(text(&mut ended).await.is_none());
}

#[test]
fn no_stream_is_older_than_half_an_hour_and_no_client_comes_back_at_once() {
    for _ in 0..1_000 {
        assert!((MAX_AGE * 9 / 10..=MAX_AGE).contains(&age()));
        assert!((2_000..=8_000).contains(&retry()));
    }
}
