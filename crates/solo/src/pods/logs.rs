//! The last lines that the containers of Pods wrote, and the subresource `pods/log` that hands them out.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::future::BoxFuture;
use grange_apimachinery::{Status, status::Reason};
use grange_apiserver::{Body, authorization::Authorized, resource::Subresource};
use tokio::sync::watch;

use crate::{
    client::{ClientError, Key, OwnClient},
    kinds,
};

/// Bytes kept of one Pod's log; the oldest lines go first.
const MAX_LOG_SIZE_BYTES: usize = 256 * 1024;
/// Longest line; the rest of a longer one becomes further lines.
pub(crate) const MAX_LINE_SIZE_BYTES: usize = 16 * 1024;
/// Most lines given to a follower at once.
const MAX_FOLLOW_LINES: usize = 1000;

struct Line {
    at: jiff::Timestamp,
    text: String,
}

struct Log {
    lines: VecDeque<Line>,
    size_bytes: usize,
    /// Number of the first line kept, counted from the log's beginning.
    first: u64,
    /// Rises with every line; dropped with the log, which ends its followers.
    written: watch::Sender<u64>,
}

/// The logs of all Pods of a cluster, by the Pod's uid.
#[derive(Default)]
pub(crate) struct LogBook {
    logs: Mutex<HashMap<String, Log>>,
}

impl LogBook {
    /// Adds a line.
    pub(crate) fn append(&self, uid: &str, text: &str) {
        let mut logs = self.lock();
        let log = logs.entry(uid.to_owned()).or_insert_with(|| Log {
            lines: VecDeque::new(),
            size_bytes: 0,
            first: 0,
            written: watch::Sender::new(0),
        });
        log.size_bytes += text.len();
        log.lines.push_back(Line { at: jiff::Timestamp::now(), text: text.to_owned() });
        while log.size_bytes > MAX_LOG_SIZE_BYTES {
            let Some(line) = log.lines.pop_front() else { break };
            log.size_bytes -= line.text.len();
            log.first += 1;
        }
        log.written.send_modify(|count| *count += 1);
    }

    /// Drops a log; its followers see their stream end.
    pub(crate) fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Log>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lines from number `from` on, at most `limit`, and the number after the last of them.
    fn read(&self, uid: &str, from: u64, limit: usize, options: &Options) -> (Vec<u8>, u64) {
        let logs = self.lock();
        let Some(log) = logs.get(uid) else { return (Vec::new(), from) };
        let from = from.max(log.first);
        let mut out = Vec::new();
        let mut next = from;
        for line in log.lines.iter().skip((from - log.first) as usize).take(limit) {
            next += 1;
            if options.since.is_some_and(|since| line.at < since) {
                continue;
            }
            if options.timestamps {
                out.extend_from_slice(format!("{:.9} ", line.at).as_bytes());
            }
            out.extend_from_slice(line.text.as_bytes());
            out.push(b'\n');
        }
        (out, next)
    }

    /// Where the last `tail` lines begin, and news of further ones.
    fn position(&self, uid: &str, tail: Option<u64>) -> (u64, Option<watch::Receiver<u64>>) {
        let logs = self.lock();
        let Some(log) = logs.get(uid) else { return (0, None) };
        let length = log.lines.len() as u64;
        let skip = tail.map_or(0, |tail| length.saturating_sub(tail));
        (log.first + skip, Some(log.written.subscribe()))
    }
}

#[derive(Clone, Debug, Default)]
struct Options {
    follow: bool,
    timestamps: bool,
    tail: Option<u64>,
    since: Option<jiff::Timestamp>,
    limit_bytes: Option<usize>,
    container: Option<String>,
    previous: bool,
}

impl Options {
    fn parse(query: &str) -> Result<Options, Status> {
        let mut options = Options::default();
        let wrong = |name: &str, value: &str| {
            Status::bad_request(format!("unable to decode query parameter {name}: invalid value {value:?}"))
        };
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let flag = matches!(value, "true" | "1");
            let number = || value.parse::<u64>().map_err(|_| wrong(name, value));
            match name {
                "follow" => options.follow = flag,
                "timestamps" => options.timestamps = flag,
                "previous" => options.previous = flag,
                "container" => options.container = Some(value.to_owned()),
                "tailLines" => options.tail = Some(number()?),
                "limitBytes" => options.limit_bytes = Some(number()? as usize),
                "sinceSeconds" => {
                    let ago = jiff::SignedDuration::from_secs(number()?.min(1 << 40) as i64);
                    options.since = jiff::Timestamp::now().checked_sub(ago).ok();
                }
                "sinceTime" => {
                    let text = value.replace("%3A", ":").replace("%3a", ":");
                    options.since = Some(text.parse().map_err(|_| wrong(name, value))?);
                }
                _ => {}
            }
        }
        Ok(options)
    }
}

/// `GET …/pods/<name>/log`.
pub(crate) struct PodLog {
    pub(crate) client: OwnClient,
    pub(crate) logs: Arc<LogBook>,
}

impl PodLog {
    async fn answer(&self, key: Key, query: String) -> Result<http::Response<Body>, Status> {
        let options = Options::parse(&query)?;
        let client = self.client.get()?;
        let pod = client
            .get(&kinds::PODS, &key)
            .await
            .map_err(|error: ClientError| Status::internal(error.to_string()))?
            .ok_or_else(|| Status::not_found("", "pods", &key.name))?;
        let containers = pod.get(&["spec", "containers"]).and_then(|list| list.as_array());
        let has = |name: &str| containers.is_some_and(|list| list.iter().any(|entry| entry["name"] == name));
        if let Some(container) = options.container.as_deref().filter(|name| !has(name)) {
            return Err(Status::bad_request(format!(
                "container {container} is not valid for pod {}",
                key.name
            )));
        }
        if options.previous {
            let name = options.container.as_deref().unwrap_or("");
            return Err(Status::bad_request(format!(
                "previous terminated container {name:?} in pod {:?} not found: its lines are in the one log of the pod",
                key.name
            )));
        }
        let waiting = (pod.get(&["status", "containerStatuses"]))
            .and_then(|list| list.pointer("/0/state/waiting/reason"))
            .and_then(|reason| reason.as_str());
        let (position, news) = self.logs.position(pod.uid(), options.tail);
        if let (None, Some(reason @ ("ErrImagePull" | "ImagePullBackOff" | "ContainerCreating"))) =
            (&news, waiting)
        {
            let why = if reason == "ContainerCreating" { reason } else { "trying and failing to pull image" };
            let mut status = Status::bad_request(format!(
                "container {:?} in pod {:?} is waiting to start: {why}",
                containers.and_then(|list| list[0]["name"].as_str()).unwrap_or(""),
                key.name
            ));
            status.reason = Some(Reason::BadRequest);
            return Err(status);
        }
        let body = match news {
            Some(news) if options.follow => self.follow(pod.uid().to_owned(), position, news, options),
            _ => {
                let (mut text, _) = self.logs.read(pod.uid(), position, usize::MAX, &options);
                text.truncate(options.limit_bytes.unwrap_or(usize::MAX));
                Body::from(text)
            }
        };
        let mut response = http::Response::new(body);
        response
            .headers_mut()
            .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("text/plain; charset=utf-8"));
        Ok(response)
    }

    fn follow(&self, uid: String, position: u64, news: watch::Receiver<u64>, options: Options) -> Body {
        let logs = self.logs.clone();
        let stream = futures::stream::unfold(
            (position, news, logs, uid, options),
            |(mut position, mut news, logs, uid, options)| async move {
                loop {
                    news.borrow_and_update();
                    let (text, next) = logs.read(&uid, position, MAX_FOLLOW_LINES, &options);
                    position = next;
                    if !text.is_empty() {
                        let item = Ok(bytes::Bytes::from(text));
                        return Some((item, (position, news, logs, uid, options)));
                    }
                    if news.changed().await.is_err() {
                        return None;
                    }
                }
            },
        );
        Body::Stream(Box::pin(stream))
    }
}

impl Subresource for PodLog {
    fn names(&self) -> (&str, &str, &str, &str) {
        ("", "v1", "pods", "log")
    }
    fn kind(&self) -> &str {
        "Pod"
    }
    fn verbs(&self) -> &[&str] {
        &["get"]
    }
    fn handle<'a>(
        &'a self,
        authorized: &'a Authorized<'a>,
        request: http::Request<Body>,
    ) -> BoxFuture<'a, Result<http::Response<Body>, Status>> {
        let key = Key::new(authorized.attributes.namespace, authorized.attributes.name);
        let query = request.uri().query().unwrap_or("").to_owned();
        Box::pin(self.answer(key, query))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_lines_go_first_and_the_tail_is_found() {
        let book = LogBook::default();
        let long = "x".repeat(1024);
        for number in 0..400 {
            book.append("u", &format!("{number} {long}"));
        }
        let (all, _) = book.read("u", 0, usize::MAX, &Options::default());
        assert!(all.len() <= MAX_LOG_SIZE_BYTES + 1024);
        let (position, _) = book.position("u", Some(2));
        let (tail, next) = book.read("u", position, usize::MAX, &Options::default());
        let tail = String::from_utf8(tail).unwrap();
        assert_eq!(tail.lines().count(), 2);
        assert!(tail.starts_with("398 "));
        assert_eq!(next, 400);
    }

    #[test]
    fn queries_are_read_and_refused_by_name() {
        let options = Options::parse("container=a&follow=true&tailLines=10").unwrap();
        assert!(options.follow && options.tail == Some(10) && options.container.as_deref() == Some("a"));
        assert!(Options::parse("tailLines=many").unwrap_err().message.contains("tailLines"));
    }
}
