//! Watches: store batches to lines of JSON.
//!
//! INVARIANT: a watch keeps a cursor in the store and no queue of its own; a client that reads too slowly falls out of
//! the kept history and is told `410 Expired`, never skipped ahead.
use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use futures::StreamExt as _;
use grange_apimachinery::{
    Reason, Status, Value,
    selector::{FieldSelector, LabelSelector},
};
use grange_store::{Batch, Entry, Event, ListRequest, Revision, StoreError};
use http::{Response, StatusCode};
use rand::RngExt as _;
use serde_json::json;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Body, UserInfo, keys,
    limits::{BOOKMARK_INTERVAL, CHUNK_BYTES, MAX_WATCH_TIMEOUT, MIN_WATCH_TIMEOUT},
    negotiate::Form,
    read::{self, Selection},
    registry::Served,
    request::Query,
    response::{self, store_error},
    server::Inner,
    table::{self, IncludeObject},
};

/// Answers a watch.
pub(crate) async fn watch(
    inner: &Inner,
    served: Arc<Served>,
    user: &UserInfo,
    namespace: &str,
    query: &Query,
    form: Form,
) -> Result<Response<Body>, Status> {
    crate::options::check_list(query, true)?;
    Selection::new(query, &served)?;
    let include = read::include(query, form)?;
    // Events show one object each, whatever they were asked for as.
    let form = if form == Form::PartialList { Form::Partial } else { form };
    let Ok(permit) = inner.watches.clone().try_acquire_owned() else {
        return Err(Status::new(
            429,
            Reason::TooManyRequests,
            "too many watches are open on this server; try again later",
        ));
    };
    let retired = served.life.as_ref().map(|life| life.retired.clone()).unwrap_or_default();
    let prefix = keys::list_prefix(&served.prefix, namespace);
    let wanted = query.revision().map_err(|status| Status::unexplained(status.message))?;
    let lines = Lines {
        definitions: (form == Form::Table).then(|| served.cells.definitions()),
        served,
        user: user.clone(),
        form,
        include,
        labels: query.label_selector.clone(),
        fields: query.field_selector.clone(),
    };
    let timeout = watch_timeout(query);
    let start = start(inner, &prefix, wanted, query.send_initial_events).await;
    let now = Instant::now();
    let mut state = Watching {
        lines,
        watch: None,
        initial: VecDeque::new(),
        initial_events_end: false,
        revision: Revision(0),
        bookmarks: query.allow_watch_bookmarks,
        next_bookmark: now + BOOKMARK_INTERVAL,
        deadline: now + timeout,
        shutdown: inner.shutdown.clone(),
        retired,
        finished: false,
        _permit: permit,
    };
    let mut failed = None;
    match start {
        Ok(start) => {
            state.revision = start.revision;
            state.initial = start.initial.into();
            state.initial_events_end = start.tell_end && query.allow_watch_bookmarks;
            match inner.store.watch(&prefix, start.revision).await {
                Ok(watch) => state.watch = Some(watch),
                Err(error) => failed = Some(watch_error(error)),
            }
        }
        Err(status) => failed = Some(status),
    }
    let stream = match failed {
        // As in Kubernetes an accepted watch that cannot start tells so in an event, which every client understands.
        Some(status) if matches!(status.code, 410 | 504) => {
            let line = error_line(&status);
            futures::stream::once(async move { Ok(Bytes::from(line)) }).boxed()
        }
        Some(status) => return Err(status),
        None => futures::stream::unfold(state, |mut state| async move {
            state.next().await.map(|bytes| (Ok(bytes), state))
        })
        .boxed(),
    };
    let response = response::json(StatusCode::OK, Body::Stream(stream));
    Ok(response)
}

fn watch_timeout(query: &Query) -> std::time::Duration {
    match query.timeout_seconds {
        Some(seconds) if seconds > 0 => std::time::Duration::from_secs(seconds).min(MAX_WATCH_TIMEOUT),
        _ => MIN_WATCH_TIMEOUT.mul_f64(1.0 + rand::rng().random_range(0.0..1.0)),
    }
}

/// Where a watch begins.
struct Start {
    initial: Vec<Entry>,
    revision: Revision,
    /// Whether the end of the initial events is to be told by a bookmark.
    tell_end: bool,
}

async fn start(
    inner: &Inner,
    prefix: &str,
    wanted: Option<u64>,
    send_initial_events: Option<bool>,
) -> Result<Start, Status> {
    let initial = match send_initial_events {
        Some(initial) => initial,
        None => wanted.unwrap_or(0) == 0,
    };
    if let Some(wanted) = wanted.filter(|wanted| *wanted > 0) {
        if let Err(status) = read::wait_for_revision(inner, Revision(wanted)).await {
            // A revision that this server never had (it was restored from a copy, say): only a fresh list helps, and
            // "expired" is what makes every client do that.
            return Err(if status.code == 504 { Status::expired(status.message) } else { status });
        }
        if !initial {
            return Ok(Start { initial: Vec::new(), revision: Revision(wanted), tell_end: false });
        }
    }
    if !initial {
        let revision = inner.store.revision().await.map_err(store_error)?;
        return Ok(Start { initial: Vec::new(), revision, tell_end: false });
    }
    let request = ListRequest { prefix, ..ListRequest::default() };
    let page = inner.store.list(request).await.map_err(store_error)?;
    Ok(Start { initial: page.entries, revision: page.revision, tell_end: send_initial_events == Some(true) })
}

fn watch_error(error: StoreError) -> Status {
    match error {
        StoreError::Compacted { requested, oldest } => {
            Status::expired(format!("too old resource version: {requested} ({oldest})"))
        }
        StoreError::Future { requested, newest } => {
            Status::expired(format!("Too large resource version: {requested}, current: {newest}"))
        }
        other => store_error(other),
    }
}

fn error_line(status: &Status) -> Vec<u8> {
    let mut out = b"{\"type\":\"ERROR\",\"object\":".to_vec();
    out.extend_from_slice(&status.to_json());
    out.extend_from_slice(b"}\n");
    out
}

/// One open watch.
struct Watching {
    lines: Lines,
    watch: Option<Box<dyn grange_store::Watch>>,
    initial: VecDeque<Entry>,
    initial_events_end: bool,
    revision: Revision,
    bookmarks: bool,
    next_bookmark: Instant,
    deadline: Instant,
    shutdown: CancellationToken,
    /// Cancelled when the kind is not served like this any more.
    retired: CancellationToken,
    finished: bool,
    _permit: OwnedSemaphorePermit,
}

enum Wake {
    Batch(Result<Batch, StoreError>),
    Bookmark,
    End,
}

impl Watching {
    /// The next piece of the answer; `None` ends it.
    async fn next(&mut self) -> Option<Bytes> {
        if self.finished {
            return None;
        }
        let mut out = Vec::new();
        while let Some(entry) = self.initial.pop_front() {
            self.lines.initial(&entry, &mut out);
            if out.len() >= CHUNK_BYTES {
                return Some(out.into());
            }
        }
        if std::mem::take(&mut self.initial_events_end) {
            self.lines.bookmark(self.revision, true, &mut out);
        }
        loop {
            if !out.is_empty() {
                return Some(out.into());
            }
            match self.wait().await {
                Wake::Batch(Ok(batch)) => {
                    self.revision = batch.revision;
                    for event in &batch.events {
                        self.lines.event(event, &mut out);
                    }
                }
                Wake::Batch(Err(error)) => {
                    self.finished = true;
                    out = error_line(&watch_error(error));
                }
                Wake::Bookmark => {
                    self.next_bookmark = Instant::now() + BOOKMARK_INTERVAL;
                    self.lines.bookmark(self.revision, false, &mut out);
                }
                Wake::End => {
                    self.finished = true;
                    if !self.bookmarks {
                        return None;
                    }
                    self.lines.bookmark(self.revision, false, &mut out);
                }
            }
        }
    }

    async fn wait(&mut self) -> Wake {
        let Some(watch) = &mut self.watch else { return Wake::End };
        tokio::select! {
            biased;
            batch = watch.next() => Wake::Batch(batch),
            () = self.shutdown.cancelled() => Wake::End,
            () = self.retired.cancelled() => Wake::End,
            () = sleep_until(self.deadline) => Wake::End,
            () = sleep_until(self.next_bookmark), if self.bookmarks => Wake::Bookmark,
        }
    }
}

/// Renders events.
struct Lines {
    served: Arc<Served>,
    user: UserInfo,
    form: Form,
    include: IncludeObject,
    labels: LabelSelector,
    fields: FieldSelector,
    /// The column definitions until they were sent once.
    definitions: Option<Value>,
}

impl Lines {
    fn matches(&self, entry: &Entry) -> bool {
        Selection { labels: &self.labels, fields: &self.fields }.matches(&entry.value)
    }
    fn initial(&mut self, entry: &Entry, out: &mut Vec<u8>) {
        if self.matches(entry) {
            self.line("ADDED", &entry.value, entry.mod_revision, out);
        }
    }
    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        let revision = event.entry.mod_revision;
        if event.deleted {
            if self.matches(&event.entry) {
                self.line("DELETED", &event.entry.value, revision, out);
            }
            return;
        }
        let now = self.matches(&event.entry);
        let before = event.previous.as_ref().filter(|previous| self.matches(previous));
        match (before, now) {
            (None, true) => self.line("ADDED", &event.entry.value, revision, out),
            (Some(_), true) => self.line("MODIFIED", &event.entry.value, revision, out),
            // It left the selection: what was last selected is shown, at the revision of the change.
            (Some(previous), false) => {
                let value = previous.value.clone();
                self.line("DELETED", &value, revision, out);
            }
            (None, false) => {}
        }
    }
    fn line(&mut self, kind: &str, stored: &Bytes, revision: Revision, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\",\"object\":");
        if self.form == Form::Plain {
            self.served.render(&self.user, stored, revision.0, out);
        } else {
            let mut wire = Vec::with_capacity(stored.len() + 40);
            self.served.render(&self.user, stored, revision.0, &mut wire);
            if self.form == Form::Partial {
                table::render_partial(&wire, out);
            } else {
                let mut row = Vec::new();
                table::render_row(&self.served.cells, self.include, &wire, jiff::Timestamp::now(), &mut row);
                self.table(revision, &row, json!({}), out);
            }
        }
        out.extend_from_slice(b"}\n");
    }
    fn table(&mut self, revision: Revision, rows: &[u8], mut metadata: Value, out: &mut Vec<u8>) {
        metadata["resourceVersion"] = revision.to_string().into();
        let table = table::table(&metadata, self.definitions.take().as_ref(), rows);
        out.extend_from_slice(table.trim_ascii_end());
    }
    fn bookmark(&mut self, revision: Revision, initial_events_end: bool, out: &mut Vec<u8>) {
        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if initial_events_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        out.extend_from_slice(b"{\"type\":\"BOOKMARK\",\"object\":");
        match self.form {
            Form::Plain => {
                let resource = &self.served.resource;
                let object = json!({"kind": resource.kind, "apiVersion": resource.api_version(), "metadata": metadata});
                out.extend_from_slice(object.to_string().as_bytes());
            }
            Form::Partial | Form::PartialList => {
                let object = json!({
                    "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
                });
                out.extend_from_slice(object.to_string().as_bytes());
            }
            Form::Table => {
                let object = json!({
                    "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
                });
                let row = json!({"cells": [], "object": object}).to_string();
                self.table(revision, row.as_bytes(), json!({}), out);
            }
        }
        out.extend_from_slice(b"}\n");
    }
}
