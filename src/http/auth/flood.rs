//! Slows down who guesses secrets, without ever standing in the way of who knows one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// How many wrong secrets an address may present at once.
const BURST: f64 = 100.0;
/// How many more it may present each second.
const REFILL: f64 = 10.0;
/// How many addresses are told apart; the others share one allowance.
const PEERS: usize = 4_096;

/// The wrong secrets that each address may still present. Only wrong ones are ever counted.
#[derive(Debug, Default)]
pub(in crate::http) struct Flood {
    peers: Mutex<HashMap<IpAddr, Allowance>>,
}

#[derive(Clone, Copy, Debug)]
struct Allowance {
    left: f64,
    at: Instant,
}

impl Flood {
    /// Counts a wrong secret of `peer`; if it has none left, tells when it has one again.
    pub(in crate::http) fn admit(&self, peer: IpAddr, now: Instant) -> Result<(), Duration> {
        let Ok(mut peers) = self.peers.lock() else {
            return Ok(());
        };
        let mut key = network_of(peer);
        if peers.len() >= PEERS && !peers.contains_key(&key) {
            peers.retain(|_, allowance| allowance.refilled(now) < BURST);
            if peers.len() >= PEERS {
                key = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            }
        }
        let allowance = peers.entry(key).or_insert(Allowance {
            left: BURST,
            at: now,
        });
        allowance.take(now)
    }
}

impl Allowance {
    fn refilled(self, now: Instant) -> f64 {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        since.mul_add(REFILL, self.left).min(BURST)
    }

    fn take(&mut self, now: Instant) -> Result<(), Duration> {
        self.left = self.refilled(now);
        self.at = now;
        if self.left >= 1.0 {
            self.left -= 1.0;
            Ok(())
        } else {
            Err(Duration::from_secs_f64((1.0 - self.left) / REFILL))
        }
    }
}

/// The address, or for IPv6 the /64 network, which is what one client gets.
fn network_of(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => IpAddr::V4(mapped),
            None => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_flood_is_refused_until_time_has_passed() {
        let (flood, now) = (Flood::default(), Instant::now());
        let one = peer("192.0.2.1");
        assert_eq!(
            (0..200).filter(|_| flood.admit(one, now).is_ok()).count(),
            100
        );
        let wait = flood.admit(one, now).unwrap_err();
        assert!(
            wait > Duration::ZERO && wait <= Duration::from_millis(100),
            "{wait:?}"
        );
        let later = now + Duration::from_secs(2);
        assert_eq!(
            (0..200).filter(|_| flood.admit(one, later).is_ok()).count(),
            20
        );
        assert!(flood.admit(peer("192.0.2.2"), now).is_ok());
    }

    #[test]
    fn addresses_of_one_network_share_their_allowance() {
        let (flood, now) = (Flood::default(), Instant::now());
        for index in 0..100_u16 {
            flood
                .admit(peer(&format!("2001:db8::{index:x}")), now)
                .unwrap();
        }
        assert!(flood.admit(peer("2001:db8::ffff"), now).is_err());
        assert!(flood.admit(peer("2001:db8:0:1::1"), now).is_ok());
    }

    #[test]
    fn the_table_is_bounded_and_forgets_who_has_been_quiet() {
        let (flood, now) = (Flood::default(), Instant::now());
        let address = |index: u32| IpAddr::from(index.to_be_bytes());
        for index in 0..10_000 {
            let _ = flood.admit(address(index), now);
        }
        assert_eq!(flood.peers.lock().unwrap().len(), PEERS + 1);
        assert!(
            flood.admit(address(20_000), now).is_err(),
            "the shared allowance is used up"
        );
        let later = now + Duration::from_mins(1);
        assert!(flood.admit(address(20_000), later).is_ok());
        assert!(flood.peers.lock().unwrap().len() < 10);
    }
}
