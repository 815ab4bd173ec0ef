//! One user's storm is that user's: everybody has a share of the server's work, and what is beyond it waits, then is
//! told to come back (429 with Retry-After).
//!
//! Shares count requests that are being worked on. Reading a whole collection is what costs, so of those a user has
//! only a few at a time, each until its last byte is handed over. Watches have a share of their own, because they stay.
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::StreamExt as _;
use grange_apimachinery::Status;
use http::Response;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::{
    Body,
    body::BodyError,
    limits::{MAX_SHARES, MAX_WAITING, MAX_WAITING_TIME, USER_REQUESTS, USER_WATCHES},
    request::{Query, RequestInfo},
};

/// Seconds after which a refused client may come again.
const RETRY_AFTER_SECONDS: u32 = 1;
/// Between two pieces of a collection while its user waits for more of them: what it takes to hand a piece over is work
/// on both sides of the connection, and others shall find a processor free.
const PACE: Duration = Duration::from_millis(1);
/// Lists of at most this many objects cost about as much as a few gets.
const SMALL_LIST: usize = 500;

/// Marks the requests of the server's own controllers, which are not counted: what they do nobody asked for twice.
#[derive(Clone, Copy)]
pub(crate) struct OwnRequest;

/// What a request costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cost {
    /// About one object.
    Single,
    /// A whole collection.
    Collection,
    /// It stays.
    Watch,
}

impl Cost {
    /// The cost of a request for a stored resource.
    pub(crate) fn of(info: &RequestInfo, query: &Query) -> Self {
        match info.verb.as_str() {
            "watch" => Cost::Watch,
            "deletecollection" => Cost::Collection,
            "list" if query.limit == 0 || query.limit > SMALL_LIST => Cost::Collection,
            _ => Cost::Single,
        }
    }
}

/// Whole collections that are read for one user at once: half the machine's threads, so that the others have the other
/// half.
fn user_collections() -> usize {
    std::thread::available_parallelism().map_or(1, |threads| threads.get() / 2).max(1)
}

/// The shares of all users that have requests now.
#[derive(Default)]
pub(crate) struct Fairness {
    shares: Mutex<HashMap<String, Arc<Share>>>,
}

struct Share {
    requests: Arc<Semaphore>,
    collections: Arc<Semaphore>,
    watches: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Default for Share {
    fn default() -> Self {
        Share {
            requests: Arc::new(Semaphore::new(USER_REQUESTS)),
            collections: Arc::new(Semaphore::new(user_collections())),
            watches: Arc::new(Semaphore::new(USER_WATCHES)),
            waiting: AtomicUsize::new(0),
        }
    }
}

/// A request's place in its user's share; free again when dropped.
#[must_use]
pub(crate) struct Seat {
    cost: Cost,
    // Keeps the share from being forgotten while it is in use.
    share: Arc<Share>,
    _permit: OwnedSemaphorePermit,
}

impl Seat {
    /// Whether the user asks for more collections than are read at once.
    fn is_stormy(&self) -> bool {
        self.cost == Cost::Collection && self.share.waiting.load(Ordering::Relaxed) > 0
    }
}

impl Fairness {
    /// A place for a request of `user`, now or after a little while.
    pub(crate) async fn seat(&self, user: &str, cost: Cost) -> Result<Seat, Status> {
        let share = self.share(user);
        let semaphore = match cost {
            Cost::Single => &share.requests,
            Cost::Collection => &share.collections,
            Cost::Watch => &share.watches,
        };
        if let Ok(permit) = semaphore.clone().try_acquire_owned() {
            return Ok(Seat { cost, share, _permit: permit });
        }
        if cost == Cost::Watch {
            return Err(too_many(&format!("too many watches of user {user:?} are open")));
        }
        let waiting = Waiting(&share.waiting);
        if waiting.0.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            return Err(too_many(&format!("too many requests of user {user:?} are waiting")));
        }
        match timeout(MAX_WAITING_TIME, semaphore.clone().acquire_owned()).await {
            Ok(Ok(permit)) => {
                drop(waiting);
                Ok(Seat { cost, share, _permit: permit })
            }
            _ => Err(too_many(&format!("too many requests of user {user:?} are being worked on"))),
        }
    }

    fn share(&self, user: &str) -> Arc<Share> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(user) {
            return share.clone();
        }
        if shares.len() >= MAX_SHARES {
            shares.retain(|_, share| Arc::strong_count(share) > 1);
        }
        shares.entry(user.to_owned()).or_default().clone()
    }
}

struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn too_many(message: &str) -> Status {
    Status::too_many_requests(format!("{message}; try again later"), RETRY_AFTER_SECONDS)
}

/// The seat is kept until the last piece of the answer is handed over.
pub(crate) fn keep_seat(response: Response<Body>, seat: Seat) -> Response<Body> {
    response.map(|body| match body {
        Body::Stream(stream) => {
            let seated = stream.then(move |piece: Result<_, BodyError>| {
                let is_stormy = seat.is_stormy();
                async move {
                    if is_stormy {
                        tokio::time::sleep(PACE).await;
                    }
                    piece
                }
            });
            Body::Stream(seated.boxed())
        }
        // Everything is rendered: what is left is the connection's work.
        whole => whole,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn take(fairness: &Fairness, user: &str, cost: Cost, count: usize) -> Vec<Seat> {
        let mut seats = Vec::new();
        for _ in 0..count {
            seats.push(fairness.seat(user, cost).await.unwrap());
        }
        seats
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_share_waits_then_is_refused_and_others_are_not() {
        let fairness = Fairness::default();
        let seats = take(&fairness, "alice", Cost::Collection, user_collections()).await;
        let refused = fairness.seat("alice", Cost::Collection).await.err().expect("no seat");
        assert_eq!((refused.code, refused.retry_after_seconds()), (429, Some(RETRY_AFTER_SECONDS)));
        assert!(refused.message.contains("alice"), "{}", refused.message);
        // Gets are counted apart, other people too.
        let _get = fairness.seat("alice", Cost::Single).await.unwrap();
        let _list = fairness.seat("bob", Cost::Collection).await.unwrap();
        drop(seats);
        let _again = fairness.seat("alice", Cost::Collection).await.unwrap();
    }

    #[tokio::test]
    async fn who_waits_gets_the_next_seat() {
        let fairness = Arc::new(Fairness::default());
        let mut seats = take(&fairness, "alice", Cost::Single, USER_REQUESTS).await;
        let patient = tokio::spawn({
            let fairness = fairness.clone();
            async move { fairness.seat("alice", Cost::Single).await.is_ok() }
        });
        let share = fairness.share("alice");
        while share.waiting.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        seats.pop();
        assert!(patient.await.unwrap());
        assert_eq!(share.waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn only_so_many_wait() {
        let fairness = Arc::new(Fairness::default());
        let _seats = take(&fairness, "alice", Cost::Collection, user_collections()).await;
        let share = fairness.share("alice");
        share.waiting.store(MAX_WAITING, Ordering::Relaxed);
        let refused = fairness.seat("alice", Cost::Collection).await.err().expect("no seat");
        assert!(refused.message.contains("waiting"), "{}", refused.message);
        assert_eq!(share.waiting.load(Ordering::Relaxed), MAX_WAITING);
    }

    #[tokio::test]
    async fn watches_are_refused_at_once() {
        let fairness = Fairness::default();
        let _seats = take(&fairness, "alice", Cost::Watch, USER_WATCHES).await;
        assert_eq!(fairness.seat("alice", Cost::Watch).await.err().expect("no seat").code, 429);
    }

    #[tokio::test]
    async fn shares_of_those_who_left_are_forgotten() {
        let fairness = Fairness::default();
        let _stays = fairness.seat("stays", Cost::Single).await.unwrap();
        for number in 0..2 * MAX_SHARES {
            drop(fairness.seat(&format!("user-{number}"), Cost::Single).await.unwrap());
        }
        let shares = fairness.shares.lock().unwrap();
        assert!(shares.len() <= MAX_SHARES && shares.contains_key("stays"), "{}", shares.len());
    }

    #[tokio::test(start_paused = true)]
    async fn collections_of_a_user_who_waits_for_more_come_slowly() {
        let fairness = Arc::new(Fairness::default());
        let mut seats = take(&fairness, "alice", Cost::Collection, user_collections()).await;
        let pieces = std::iter::repeat_with(|| Ok(bytes::Bytes::from_static(b"a"))).take(10);
        let response = Response::new(Body::Stream(futures::stream::iter(pieces).boxed()));
        let Body::Stream(mut pieces) = keep_seat(response, seats.pop().unwrap()).into_body() else {
            panic!("a stream")
        };
        let began = tokio::time::Instant::now();
        pieces.next().await.unwrap().unwrap();
        assert_eq!(began.elapsed(), Duration::ZERO);
        let waiting = Waiting(&fairness.share("alice").waiting);
        waiting.0.fetch_add(1, Ordering::Relaxed);
        pieces.next().await.unwrap().unwrap();
        assert_eq!(began.elapsed(), PACE);
        drop(waiting);
        assert_eq!(pieces.count().await, 8);
        assert_eq!(began.elapsed(), PACE);
    }

    #[tokio::test]
    async fn a_seat_is_kept_until_the_stream_ends() {
        let fairness = Fairness::default();
        let seat = fairness.seat("alice", Cost::Single).await.unwrap();
        let share = fairness.share("alice");
        let free = || share.requests.available_permits();
        let pieces = futures::stream::iter([Ok(bytes::Bytes::from_static(b"a"))]).boxed();
        let response = keep_seat(Response::new(Body::Stream(pieces)), seat);
        assert_eq!(free(), USER_REQUESTS - 1);
        drop(response);
        assert_eq!(free(), USER_REQUESTS);
        let seat = fairness.seat("alice", Cost::Single).await.unwrap();
        let _response = keep_seat(Response::new(Body::Empty), seat);
        assert_eq!(free(), USER_REQUESTS, "a whole answer needs no seat");
    }
}
