use proptest::prelude::*;

use super::*;

const START: Time = Time::from_millis(1_795_000_000_000);

fn rule(length: Duration) -> WindowRule {
    WindowRule {
        length,
        ..WindowRule::default()
    }
}

const FIVE_MINUTES: Duration = Duration::from_mins(5);

#[test]
fn a_window_has_at_least_ten_buckets() {
    const { assert!(WindowRule::BUCKETS >= 10) };
    assert_eq!(rule(FIVE_MINUTES).bucket_ms(), 15_000);
}

#[test]
fn an_error_is_forgotten_once_the_window_has_slid_past_it() {
    let rule = rule(FIVE_MINUTES);
    let mut window = Window::default();
    assert_eq!(window.add(9, START, rule), 9);
    assert_eq!(window.add(1, START + Duration::from_mins(4), rule), 10);
    assert_eq!(window.add(0, START + FIVE_MINUTES, rule), 1);
    assert!(!window.is_over(START + FIVE_MINUTES, rule));
    assert!(window.is_over(START + 2 * FIVE_MINUTES, rule));
}

#[test]
fn huge_counts_do_not_wrap() {
    let rule = rule(FIVE_MINUTES);
    let mut window = Window::default();
    window.add(u64::MAX, START, rule);
    assert_eq!(window.add(u64::MAX, START, rule), u64::MAX);
    let later = START + Duration::from_mins(1);
    assert_eq!(window.add(1, later, rule), u64::MAX);
}

#[test]
fn a_window_of_another_length_forgets_what_was_counted_by_the_old_one() {
    for (old, new) in [(1, 60), (60, 1)] {
        let (old, new) = (Duration::from_mins(old), Duration::from_mins(new));
        let mut window = Window::default();
        window.add(1_000, START, rule(old));
        assert!(window.is_over(START, rule(new)));
        assert_eq!(window.add(1, START, rule(new)), 1);
    }
}

#[test]
fn a_clock_that_goes_back_a_little_loses_no_errors_and_one_that_goes_back_far_keeps_none_for_ever()
{
    let rule = rule(FIVE_MINUTES);
    let mut window = Window::default();
    window.add(5, START, rule);
    assert_eq!(window.add(1, START - Duration::from_secs(20), rule), 6);
    assert_eq!(window.add(1, START - Duration::from_hours(1), rule), 1);
}

#[test]
fn a_window_shorter_than_its_buckets_still_counts() {
    let rule = rule(Duration::from_millis(1));
    let mut window = Window::default();
    assert_eq!(window.add(1, START, rule), 1);
    assert_eq!(window.add(1, START, rule), 2);
}

proptest! {
    #[test]
    fn a_count_is_that_of_all_timestamps_to_a_twentieth_and_never_of_longer_than_the_window(
        length in 1_000_u64..4_000_000,
        steps in prop::collection::vec((0_u64..6_000, 0_u64..50), 1..60),
    ) {
        let rule = rule(Duration::from_millis(length));
        let mut window = Window::default();
        let mut now = START;
        let mut all: Vec<(Time, u64)> = Vec::new();
        for (thousandths, errors) in steps {
            now = now + Duration::from_millis(length * (thousandths / 4) / 1_000);
            all.push((now, errors));
            let count = window.add(errors, now, rule);
            let younger_than = |age: u64| -> u64 {
                let age = Duration::from_millis(age);
                let counting = all.iter().filter(|(at, _)| now.since(*at) < age);
                counting.map(|(_, errors)| errors).sum()
            };
            prop_assert!(count <= younger_than(length));
            // whole milliseconds: a bucket is a twentieth, rounded down
            prop_assert!(younger_than(length - length / 20 - 20) <= count);
        }
        prop_assert!(window.is_over(now + rule.length, rule));
    }
}
