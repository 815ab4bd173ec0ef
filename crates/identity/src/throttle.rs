//! Login throttling: failures are counted per account and per address in bounded maps; pure over the time given.
//!
//! A locked account stays open to addresses that logged in to it before, so that a stranger who guesses passwords
//! cannot keep its owner out.
use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

/// Failures that are free within [`WINDOW`], per account.
pub const ACCOUNT_FREE_FAILURES: u32 = 10;
/// Failures that are free within [`WINDOW`], per address.
pub const ADDRESS_FREE_FAILURES: u32 = 30;
/// How long a failure counts.
pub const WINDOW: Duration = Duration::from_secs(300);
/// The first wait after the free failures; it doubles with every further one.
pub const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Most accounts, addresses and known pairs remembered, each.
pub const MAX_REMEMBERED: usize = 8192;

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    fn blocked_until(&self, free: u32) -> Option<Instant> {
        let over = self.count.checked_sub(free)?;
        let wait = FIRST_WAIT.saturating_mul(1 << over.min(16)).min(LONGEST_WAIT);
        Some(self.last + wait)
    }
}

/// The counters.
#[derive(Default)]
pub struct Throttle {
    accounts: HashMap<String, Failures>,
    addresses: HashMap<IpAddr, Failures>,
    known: HashMap<(String, IpAddr), Instant>,
}

impl Throttle {
    /// Whether a login may be tried now; the wait if not.
    pub fn check(&self, account: &str, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let address = network(address);
        let by_address =
            self.addresses.get(&address).and_then(|failures| failures.blocked_until(ADDRESS_FREE_FAILURES));
        let is_known = self.known.contains_key(&(account.to_owned(), address));
        let by_account = if is_known {
            None
        } else {
            self.accounts.get(account).and_then(|failures| failures.blocked_until(ACCOUNT_FREE_FAILURES))
        };
        match by_address.max(by_account) {
            Some(until) if until > now => Err(until - now),
            _ => Ok(()),
        }
    }
    /// Counts a failure. It is counted before the password is checked and taken back by [`Throttle::succeeded`], so
    /// that many guesses sent at once do not all pass the check.
    pub fn failed(&mut self, account: &str, address: IpAddr, now: Instant) {
        bump(&mut self.accounts, account.to_owned(), now);
        bump(&mut self.addresses, network(address), now);
    }
    /// Takes one counted failure back: the attempt ended without an answer about the password.
    pub fn undo(&mut self, account: &str, address: IpAddr) {
        if let Some(failures) = self.accounts.get_mut(account) {
            failures.count = failures.count.saturating_sub(1);
        }
        if let Some(failures) = self.addresses.get_mut(&network(address)) {
            failures.count = failures.count.saturating_sub(1);
        }
    }
    /// Forgets the account's failures and remembers the address.
    pub fn succeeded(&mut self, account: &str, address: IpAddr, now: Instant) {
        let address = network(address);
        self.accounts.remove(account);
        if let Some(failures) = self.addresses.get_mut(&address) {
            failures.count = failures.count.saturating_sub(1);
        }
        make_room(&mut self.known, |seen| *seen);
        self.known.insert((account.to_owned(), address), now);
    }
}

fn bump<K: Hash + Eq + Clone>(map: &mut HashMap<K, Failures>, key: K, now: Instant) {
    if !map.contains_key(&key) {
        if map.len() >= MAX_REMEMBERED {
            map.retain(|_, failures| now.saturating_duration_since(failures.last) <= WINDOW);
        }
        make_room(map, |failures| failures.last);
    }
    let entry = map.entry(key).or_insert(Failures { count: 0, last: now });
    if now.saturating_duration_since(entry.last) > WINDOW {
        entry.count = 0;
    }
    entry.count = entry.count.saturating_add(1);
    entry.last = now;
}

/// Drops the oldest entry when the map is full.
fn make_room<K: Hash + Eq + Clone, V>(map: &mut HashMap<K, V>, age: impl Fn(&V) -> Instant) {
    if map.len() < MAX_REMEMBERED {
        return;
    }
    if let Some(oldest) = map.iter().min_by_key(|(_, value)| age(value)).map(|(key, _)| key.clone()) {
        map.remove(&oldest);
    }
}

/// IPv4 addresses as they are (also when mapped into IPv6); IPv6 by their /64, which one customer usually has whole.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_account_is_throttled_after_its_free_failures_and_freed_by_time() {
        let mut throttle = Throttle::default();
        let start = Instant::now();
        for index in 0..ACCOUNT_FREE_FAILURES {
            let from = address(&format!("192.0.2.{index}"));
            assert!(throttle.check("admin", from, start).is_ok());
            throttle.failed("admin", from, start);
        }
        let stranger = address("198.51.100.1");
        assert!(throttle.check("admin", stranger, start).is_err());
        assert!(throttle.check("other", stranger, start).is_ok());
        assert!(throttle.check("admin", stranger, start + FIRST_WAIT).is_ok());
    }

    #[test]
    fn an_address_that_logged_in_before_is_not_kept_out_by_strangers() {
        let mut throttle = Throttle::default();
        let start = Instant::now();
        let home = address("203.0.113.7");
        throttle.succeeded("admin", home, start);
        for _ in 0..20 {
            throttle.failed("admin", address("198.51.100.1"), start);
        }
        assert!(throttle.check("admin", address("198.51.100.2"), start).is_err());
        assert!(throttle.check("admin", home, start).is_ok());
    }

    #[test]
    fn ipv6_is_counted_by_its_network() {
        let mut throttle = Throttle::default();
        let start = Instant::now();
        for index in 0..=ADDRESS_FREE_FAILURES {
            throttle.failed(&format!("user{index}"), address(&format!("2001:db8::{index:x}")), start);
        }
        assert!(throttle.check("fresh", address("2001:db8::ffff"), start).is_err());
        assert!(throttle.check("fresh", address("2001:db8:0:1::1"), start).is_ok());
    }

    #[test]
    fn the_maps_stay_bounded() {
        let mut throttle = Throttle::default();
        let start = Instant::now();
        for index in 0..MAX_REMEMBERED as u64 + 10 {
            let from = IpAddr::from(std::net::Ipv4Addr::from(index as u32));
            throttle.failed(&format!("user{index}"), from, start + Duration::from_millis(index));
        }
        assert!(throttle.accounts.len() <= MAX_REMEMBERED);
        assert!(throttle.addresses.len() <= MAX_REMEMBERED);
    }
}
