//! The other way to write a message of alerts: one awaited script for each. `script-per-alert REDIS-URL ALERTS ROUNDS`
//!
//! Prints the median time of a round in microseconds.

use std::time::Instant;

use redis::Script;

const WRITE: &str = r"
redis.call('SET', KEYS[1], ARGV[1], 'PX', 1800000)
redis.call('ZADD', KEYS[2], ARGV[2], KEYS[1])
return redis.call('XADD', KEYS[3], 'MAXLEN', '~', 10000, '*', 'payload', ARGV[1])
";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().unwrap_or_default();
    let (url, alerts, rounds): (String, usize, usize) = (next(), next().parse()?, next().parse()?);
    let mut redis = redis::Client::open(url)?
        .get_multiplexed_async_connection()
        .await?;
    let script = Script::new(WRITE);
    let mut times = Vec::new();
    for round in 0..rounds {
        let begun = Instant::now();
        for alert in 0..alerts {
            let payload = format!(
                r#"{{"target":{{"app":"shop-{alert}","environment":"production"}},"round":{round}}}"#
            );
            let _: String = script
                .key(format!("{{al}}:session:{alert}"))
                .key("{al}:expiry")
                .key("{al}:feed")
                .arg(payload)
                .arg(round)
                .invoke_async(&mut redis)
                .await?;
        }
        times.push(begun.elapsed().as_micros());
    }
    times.sort_unstable();
    println!("{}", times.get(rounds / 2).copied().unwrap_or_default());
    Ok(())
}
