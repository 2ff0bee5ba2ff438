//! Slows down whoever guesses passwords, without ever locking an owner out for good.
//!
//! Wrong passwords are counted for each account and for each client address. Some are free; from then on the next try
//! has to wait, 1 second first and twice as long each time, a minute at most, and what comes earlier is refused unread.
//! An hour after the last wrong one they are forgotten. Where an owner has signed in before, only what comes from there
//! counts: somebody who guesses from elsewhere keeps them waiting no more.
//!
//! A process counts for itself, and forgets when it ends.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, StatusCode};
use sha2::{Digest, Sha256};
use shareville::axum::Problem;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many wrong passwords for an account cost no time.
const FREE: u32 = 5;

/// How many from one address do: a whole office may stand behind it.
const FREE_OF_ADDRESS: u32 = 20;

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(60);

/// When wrong passwords are forgotten.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// How many accounts, addresses and pairs are remembered at most, of each.
const MOST: usize = 10_000;

/// How many passwords are worked on at once: each takes a core and 19 MiB for a while.
const AT_ONCE: usize = 2;

/// How long a request waits for its turn to have a password worked on.
const PATIENCE: Duration = Duration::from_secs(5);

/// An account, whether there is one or not, by the SHA-256 of its e-mail address: nobody can fill memory with long ones.
type Account = [u8; 32];

fn account(email: &str) -> Account {
    Sha256::digest(email.as_bytes()).into()
}

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Who {
    Account(Account),
    Address(IpAddr),
    /// An account, from an address where its owner has signed in.
    Known(Account, IpAddr),
}

impl Who {
    const fn free(self) -> u32 {
        match self {
            Self::Account(_) | Self::Known(..) => FREE,
            Self::Address(_) => FREE_OF_ADDRESS,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Wrong {
    times: u32,
    last: Instant,
}

impl Wrong {
    fn is_forgotten(self, now: Instant) -> bool {
        now.duration_since(self.last) >= FORGOTTEN
    }

    /// Until when the next try has to wait.
    fn waits_until(self, who: Who) -> Instant {
        let Some(over) = self.times.checked_sub(who.free()) else {
            return self.last;
        };
        let wait = Duration::from_secs(1).saturating_mul(1 << over.min(6));
        self.last + wait.min(LONGEST)
    }
}

#[derive(Debug, Default)]
struct Counted {
    wrong: HashMap<Who, Wrong>,
    /// Where owners have signed in, and when last.
    known: HashMap<(Account, IpAddr), Instant>,
}

impl Counted {
    fn whose(&self, email: &str, from: IpAddr) -> Vec<Who> {
        let account = account(email);
        match self.known.contains_key(&(account, from)) {
            true => vec![Who::Known(account, from)],
            false => vec![Who::Account(account), Who::Address(from)],
        }
    }

    /// Whether nobody of these has to wait.
    fn free(&self, whose: &[Who], now: Instant) -> Result<(), Problem> {
        let waits = whose
            .iter()
            .filter_map(|who| Some((*who, self.wrong.get(who)?)))
            .filter(|(_, wrong)| !wrong.is_forgotten(now))
            .map(|(who, wrong)| wrong.waits_until(who))
            .max();
        let wait = waits.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        match wait.is_zero() {
            true => Ok(()),
            false => Err(too_many(wait)),
        }
    }

    /// Keeps memory bounded: what is over goes, and if that is not enough, the older half.
    fn make_room(&mut self, now: Instant) {
        if self.wrong.len() >= MOST {
            self.wrong
                .retain(|_, wrong| now.duration_since(wrong.last) < FORGOTTEN);
        }
        if self.wrong.len() >= MOST {
            let middle = middle(self.wrong.values().map(|wrong| wrong.last));
            self.wrong.retain(|_, wrong| Some(wrong.last) > middle);
        }
        if self.known.len() >= MOST {
            let middle = middle(self.known.values().copied());
            self.known.retain(|_, at| Some(*at) > middle);
        }
    }
}

fn middle(times: impl Iterator<Item = Instant>) -> Option<Instant> {
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

/// Counts wrong passwords, and bounds the work that passwords make.
#[derive(Debug)]
pub(crate) struct Throttle {
    counted: Mutex<Counted>,
    work: Arc<Semaphore>,
    /// How many proxies of the operator's own each request comes through.
    proxies: usize,
}

impl Throttle {
    pub(crate) fn new(proxies: usize) -> Self {
        Self {
            counted: Mutex::default(),
            work: Arc::new(Semaphore::new(AT_ONCE)),
            proxies,
        }
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        // No step below can panic half-way.
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a request comes from: each proxy appends to `X-Forwarded-For` whom it was called by, so of that list only
    /// as many as there are proxies can be believed, from its end.
    pub(crate) fn address(&self, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
        let lines = headers.get_all("x-forwarded-for").iter();
        let told: Vec<&str> = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','))
            .collect();
        let nth = told.len().checked_sub(self.proxies);
        let told = nth.and_then(|nth| told.get(nth)?.trim().parse().ok());
        network(told.unwrap_or(peer.ip()))
    }

    /// Says when the next try may begin, if not now; counts nothing. Whoever is refused here keeps nobody from a turn.
    pub(crate) fn look(&self, email: &str, from: IpAddr, now: Instant) -> Result<(), Problem> {
        let counted = self.counted();
        counted.free(&counted.whose(email, from), now)
    }

    /// Lets a try begin, or says when the next may. It counts as a wrong one until [`right`](Self::right) is told, so
    /// that many at once are no way round: begin it when the password is read, and not before.
    pub(crate) fn begin(&self, email: &str, from: IpAddr, now: Instant) -> Result<(), Problem> {
        let mut counted = self.counted();
        let whose = counted.whose(email, from);
        counted.free(&whose, now)?;
        for who in whose {
            counted.make_room(now);
            let wrong = counted.wrong.entry(who).or_insert(Wrong {
                times: 0,
                last: now,
            });
            if wrong.is_forgotten(now) {
                wrong.times = 0;
            }
            wrong.times = wrong.times.saturating_add(1);
            wrong.last = now;
        }
        Ok(())
    }

    /// The password was right: what was counted for the account is forgotten, and this address is known.
    pub(crate) fn right(&self, email: &str, from: IpAddr, now: Instant) {
        let mut counted = self.counted();
        for who in counted.whose(email, from) {
            match who {
                // Only this try was none: somebody with an account of their own could guess others' in between.
                Who::Address(_) => {
                    if let Some(wrong) = counted.wrong.get_mut(&who) {
                        wrong.times = wrong.times.saturating_sub(1);
                    }
                }
                Who::Account(_) | Who::Known(..) => {
                    counted.wrong.remove(&who);
                }
            }
        }
        drop(counted);
        self.know(email, from, now);
    }

    /// The account's owner is here.
    pub(crate) fn know(&self, email: &str, from: IpAddr, now: Instant) {
        let mut counted = self.counted();
        counted.make_room(now);
        counted.known.insert((account(email), from), now);
    }

    /// Waits for a turn to work on a password, to be kept for as long as the work lasts: a flood of them must not starve
    /// everything else.
    pub(crate) async fn turn(&self) -> Result<Turn, Problem> {
        let work = Arc::clone(&self.work);
        let turn = tokio::time::timeout(PATIENCE, work.acquire_owned()).await;
        // The semaphore is never closed.
        turn.ok()
            .and_then(Result::ok)
            .ok_or_else(|| too_many(PATIENCE))
    }
}

/// The right to work on a password.
pub(crate) type Turn = OwnedSemaphorePermit;

fn too_many(wait: Duration) -> Problem {
    let detail = "too many tries to sign in: wait as `Retry-After` says, then try again";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail).retry_after(wait)
}

/// What one customer of an internet provider has: an address of IPv4, or a whole /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(prefix))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: &str = "ada@example.org";

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Tries wrong passwords until one is refused, and tells how many were read.
    fn guess(throttle: &Throttle, email: &str, from: &str, now: Instant) -> usize {
        (0..100)
            .take_while(|_| throttle.begin(email, ip(from), now).is_ok())
            .count()
    }

    #[test]
    fn guesses_should_become_slow_and_never_stop_for_good() {
        let (throttle, start) = (Throttle::new(0), Instant::now());
        assert_eq!(guess(&throttle, ADA, "192.0.2.1", start), 5);
        let mut now = start;
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            let early = now + Duration::from_secs(seconds) - Duration::from_millis(1);
            assert_eq!(guess(&throttle, ADA, "192.0.2.1", early), 0);
            now += Duration::from_secs(seconds);
            assert_eq!(guess(&throttle, ADA, "192.0.2.1", now), 1);
        }
        assert_eq!(guess(&throttle, ADA, "192.0.2.1", now + FORGOTTEN), 5);
    }

    #[test]
    fn a_look_should_count_nothing() {
        let (throttle, now) = (Throttle::new(0), Instant::now());
        for _ in 0..100 {
            throttle.look(ADA, ip("192.0.2.1"), now).unwrap();
        }
        assert_eq!(guess(&throttle, ADA, "192.0.2.1", now), 5);
        assert!(throttle.look(ADA, ip("192.0.2.1"), now).is_err());
    }

    #[test]
    fn an_account_and_an_address_should_be_counted_each_for_itself() {
        let (throttle, now) = (Throttle::new(0), Instant::now());
        for host in 1..=5 {
            let from = format!("192.0.2.{host}");
            assert!(throttle.begin(ADA, ip(&from), now).is_ok());
        }
        assert_eq!(guess(&throttle, ADA, "192.0.2.9", now), 0, "many addresses");
        for name in 1..=19 {
            let email = format!("{name}@example.org");
            assert!(throttle.begin(&email, ip("192.0.2.1"), now).is_ok());
        }
        let (email, from) = ("new@example.org", "192.0.2.1");
        assert_eq!(guess(&throttle, email, from, now), 0, "many accounts");
        assert_eq!(guess(&throttle, email, "192.0.2.9", now), 5);
    }

    #[test]
    fn an_owner_should_get_in_where_they_were_before_whoever_guesses() {
        let (throttle, now) = (Throttle::new(0), Instant::now());
        let home = ip("2001:db8::1");
        throttle.begin(ADA, network(home), now).unwrap();
        throttle.right(ADA, network(home), now);
        assert_eq!(guess(&throttle, ADA, "192.0.2.1", now), 5);
        let again = network(ip("2001:db8::2"));
        assert!(throttle.begin(ADA, again, now).is_ok());
        throttle.right(ADA, again, now);
        assert_eq!(guess(&throttle, ADA, "192.0.2.1", now), 0);
    }

    #[test]
    fn memory_should_be_bounded() {
        let (throttle, now) = (Throttle::new(0), Instant::now());
        for number in 0..2 * MOST {
            let email = format!("{number}@example.org");
            let from = IpAddr::V6(Ipv6Addr::from_bits(u128::from(number as u64) << 64));
            let _ = throttle.begin(&email, from, now);
        }
        assert!(throttle.counted().wrong.len() <= MOST);
    }

    #[test]
    fn only_the_operators_proxies_should_be_believed() {
        let peer: SocketAddr = "127.0.0.1:9".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "6.6.6.6, 192.0.2.7".parse().unwrap());
        let seen = |proxies| Throttle::new(proxies).address(peer, &headers);
        assert_eq!(seen(0), ip("127.0.0.1"), "nobody's word counts");
        assert_eq!(seen(1), ip("192.0.2.7"));
        assert_eq!(seen(3), ip("127.0.0.1"), "it came round a proxy");
    }
}
