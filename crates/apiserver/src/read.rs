//! Get and list: stored bytes to wire bytes, without trees.
//!
//! INVARIANT: a list holds shared slices of the store's values and is rendered piece by piece while it is sent.
use std::{io::Write as _, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures::StreamExt as _;
use grange_apimachinery::{
    Object, Status, StoredHeader,
    object::stored_field,
    selector::{FieldSelector, LabelSelector},
};
use grange_store::{Entry, ListRequest, Revision, StoreError};
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

use crate::{
    Body, UserInfo, keys,
    limits::{CHUNK_BYTES, FUTURE_REVISION_WAIT, GZIP_MINIMUM_BYTES, PAGE_ENTRIES},
    negotiate::Form,
    options,
    registry::Served,
    request::{Query, ResourceVersionMatch},
    response::{self, store_error},
    server::Inner,
    table::{self, IncludeObject},
};

/// What a list or watch selects.
pub(crate) struct Selection<'a> {
    pub(crate) labels: &'a LabelSelector,
    pub(crate) fields: &'a FieldSelector,
}

impl<'a> Selection<'a> {
    /// The selectors of a query; refuses fields that the resource does not select by.
    pub(crate) fn new(query: &'a Query, served: &Served) -> Result<Self, Status> {
        for (path, ..) in &query.field_selector.requirements {
            let known = path == "metadata.name"
                || (path == "metadata.namespace" && (served.namespaced() || served.own))
                || served
                    .resource
                    .selectable_fields
                    .iter()
                    .any(|field| field.trim_start_matches('.') == path);
            if !known && served.own && served.resource.selectable_fields.is_empty() {
                return Err(Status::bad_request(format!(
                    "{path:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
                )));
            }
            if !known {
                return Err(Status::bad_request(format!("field label not supported: {path}")));
            }
        }
        Ok(Selection { labels: &query.label_selector, fields: &query.field_selector })
    }
    /// Whether everything is selected.
    pub(crate) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }
    /// Whether a stored object is selected.
    pub(crate) fn matches(&self, stored: &[u8]) -> bool {
        (self.labels.is_empty()
            || StoredHeader::parse(stored).is_ok_and(|header| {
                self.labels.matches(|key| header.metadata.labels.get(key).map(AsRef::as_ref))
            }))
            && (self.fields.is_empty() || self.fields.matches(|path| stored_field(stored, path)))
    }
}

/// Answers a get.
pub(crate) async fn get(
    inner: &Inner,
    served: &Served,
    user: &UserInfo,
    namespace: &str,
    name: &str,
    query: &Query,
    form: Form,
) -> Result<Response<Body>, Status> {
    if let Some(revision) = query.revision().map_err(|status| Status::unexplained(status.message))?
        && revision > 0
    {
        wait_for_revision(inner, Revision(revision)).await?;
    }
    let key = served.key(namespace, name);
    let Some(entry) = inner.store.get(&key).await.map_err(store_error)? else {
        return Err(served.not_found(name));
    };
    if form == Form::Plain
        && entry.value.len() >= CHUNK_BYTES
        && let Some(pieces) = served.render_shared(&entry.value, entry.mod_revision.0)
    {
        return Ok(response::json(StatusCode::OK, Body::Chunks(pieces.into())));
    }
    single(served, user, &entry.value, entry.mod_revision.0, query, form, StatusCode::OK)
}

/// The answer that shows one stored object.
pub(crate) fn single(
    served: &Served,
    user: &UserInfo,
    stored: &Bytes,
    revision: u64,
    query: &Query,
    form: Form,
    code: StatusCode,
) -> Result<Response<Body>, Status> {
    form.check(&served.resource, false)?;
    let mut out = Vec::with_capacity(stored.len() + 40);
    served.render(user, stored, revision, &mut out);
    let body = match form {
        Form::Plain => out,
        Form::Partial | Form::PartialList => {
            let mut partial = Vec::with_capacity(out.len());
            table::render_partial(&out, &mut partial);
            partial
        }
        Form::Table => {
            let include = IncludeObject::parse(query.include_object.as_deref())?;
            let mut rows = Vec::new();
            table::render_row(&served.cells, include, &out, jiff::Timestamp::now(), &mut rows);
            let metadata = json!({"resourceVersion": revision.to_string()});
            table::table(&metadata, Some(&served.cells.definitions()), &rows)
        }
    };
    Ok(response::json(code, body))
}

/// The answer that shows an object that was not stored (dry run, virtual resources).
pub(crate) fn unstored(
    served: &Served,
    user: &UserInfo,
    mut object: Object,
    query: &Query,
    form: Form,
    code: StatusCode,
) -> Result<Response<Body>, Status> {
    form.check(&served.resource, false)?;
    if served.resource.strategy.redacts() {
        served.resource.strategy.redact(user, &mut object);
    }
    let body = match form {
        Form::Plain => object.to_bytes(),
        Form::Partial | Form::PartialList => {
            let mut partial = Vec::new();
            table::render_partial(&object.to_bytes(), &mut partial);
            partial.into()
        }
        Form::Table => {
            let include = IncludeObject::parse(query.include_object.as_deref())?;
            table::object_table(&served.cells, include, &object).into()
        }
    };
    Ok(response::json(code, body))
}

/// Waits a little for a revision that is yet to come; 504 if it does not.
pub(crate) async fn wait_for_revision(inner: &Inner, wanted: Revision) -> Result<(), Status> {
    let newest = inner.store.revision().await.map_err(store_error)?;
    if newest >= wanted {
        return Ok(());
    }
    let waiting = async {
        let mut watch = inner.store.watch(keys::ROOT, newest).await?;
        while watch.next().await?.revision < wanted {}
        Ok::<(), StoreError>(())
    };
    match tokio::time::timeout(FUTURE_REVISION_WAIT, waiting).await {
        Ok(result) => result.map_err(store_error),
        Err(_) => {
            let newest = inner.store.revision().await.map_err(store_error)?;
            Err(response::too_large_version(wanted.0, newest.0))
        }
    }
}

/// A page of selected entries.
pub(crate) struct Page {
    pub(crate) entries: Vec<Entry>,
    pub(crate) revision: Revision,
    /// Where the next page starts; `None` at the end.
    pub(crate) next: Option<String>,
    /// How many follow, where that is known.
    pub(crate) remaining: Option<u64>,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(default)]
#[derive(Default)]
struct ContinueToken {
    v: String,
    /// The revision of the list; -1 means whatever is newest.
    rv: i64,
    /// The last key sent, after the list's prefix.
    start: String,
}

const CONTINUE_VERSION: &str = "meta.k8s.io/v1";

fn encode_continue(revision: i64, start: &str) -> String {
    let token = ContinueToken { v: CONTINUE_VERSION.into(), rv: revision, start: start.into() };
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).unwrap_or_default())
}

fn decode_continue(text: &str) -> Result<(Option<Revision>, String), Status> {
    let invalid =
        |why: &str| Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"));
    let bytes =
        URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| invalid("illegal base64 data"))?;
    let token: ContinueToken = serde_json::from_slice(&bytes).map_err(|_| invalid("unreadable"))?;
    if token.v != CONTINUE_VERSION {
        return Err(invalid(&format!("server does not recognize this encoded version {}", token.v)));
    }
    if token.start.is_empty()
        || token.start.starts_with('/')
        || token.start.split('/').any(|part| part == ".." || part == ".")
        || token.start.contains(char::is_control)
    {
        return Err(invalid("the key is out of the list"));
    }
    match token.rv {
        -1 => Ok((None, token.start)),
        1.. => Ok((Some(Revision(token.rv as u64)), token.start)),
        _ => Err(invalid("incorrect encoded start resourceVersion")),
    }
}

/// What a list failed with; an expired continue token comes with a fresh one.
pub(crate) struct ListError {
    pub(crate) status: Status,
    pub(crate) fresh_continue: Option<String>,
}

impl From<Status> for ListError {
    fn from(status: Status) -> Self {
        ListError { status, fresh_continue: None }
    }
}

/// Reads a page.
pub(crate) async fn page(
    inner: &Inner,
    served: &Served,
    namespace: &str,
    query: &Query,
    selection: &Selection<'_>,
) -> Result<Page, ListError> {
    let prefix = keys::list_prefix(&served.prefix, namespace);
    let wanted = query.revision().map_err(|mut status| {
        status.message = format!("invalid resource version: {}", status.message);
        status
    })?;
    // At "any revision" Kubernetes answers from its cache, whole.
    let limit = if wanted == Some(0) { 0 } else { query.limit };
    let mut start = None;
    let mut revision = None;
    if !query.continue_token.is_empty() {
        let (at, after) = decode_continue(&query.continue_token)?;
        revision = at;
        start = Some(after);
    } else if let Some(wanted) = wanted.filter(|wanted| *wanted > 0) {
        wait_for_revision(inner, Revision(wanted)).await?;
        // As in Kubernetes, a limited list at a revision without a match rule means exactly that revision.
        let exact = query.resource_version_match == Some(ResourceVersionMatch::Exact)
            || (query.resource_version_match.is_none() && query.limit > 0);
        revision = exact.then_some(Revision(wanted));
    }
    let listed = select(inner, &prefix, start.clone(), limit, revision, selection).await;
    match (listed, start) {
        (Ok(page), _) => Ok(page),
        (Err(StoreError::Compacted { .. }), Some(start)) => Err(ListError {
            status: Status::expired(
                "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
            ),
            fresh_continue: Some(encode_continue(-1, &start)),
        }),
        (Err(StoreError::Compacted { .. }), None) => {
            Err(Status::expired("The resourceVersion for the provided list is too old.").into())
        }
        (Err(error), _) => Err(store_error(error).into()),
    }
}

/// Reads until `limit` selected entries are found or there are no more.
async fn select(
    inner: &Inner,
    prefix: &str,
    start: Option<String>,
    limit: usize,
    asked: Option<Revision>,
    selection: &Selection<'_>,
) -> Result<Page, StoreError> {
    let start = start.map(|start| format!("{prefix}{start}"));
    let (mut after, mut revision) = (start.clone(), asked);
    let everything = selection.is_everything();
    // How many there are after a page is told where nothing is left out.
    let count = everything && limit > 0;
    let page_limit = if count { limit } else { limit.max(PAGE_ENTRIES) };
    let mut entries = Vec::new();
    loop {
        let request =
            ListRequest { prefix, start_after: after.as_deref(), limit: page_limit, revision, count };
        let mut page = match inner.store.list(request).await {
            // What was begun to be read is gone, and nobody asked for that revision in particular.
            Err(StoreError::Compacted { .. }) if asked.is_none() && revision.is_some() => {
                (after, revision) = (start.clone(), None);
                entries.clear();
                continue;
            }
            page => page?,
        };
        revision = Some(page.revision);
        let next = |entries: &[Entry]| {
            entries
                .last()
                .and_then(|entry| entry.key.strip_prefix(prefix))
                .map(|key| encode_continue(page.revision.0 as i64, key))
        };
        if count {
            let more = page.remaining > 0;
            return Ok(Page {
                next: if more { next(&page.entries) } else { None },
                remaining: more.then_some(page.remaining),
                revision: page.revision,
                entries: page.entries,
            });
        }
        after = page.entries.last().map(|entry| entry.key.to_string());
        let mut scanned = page.entries.drain(..);
        for entry in scanned.by_ref() {
            if everything || selection.matches(&entry.value) {
                entries.push(entry);
                if limit > 0 && entries.len() == limit {
                    break;
                }
            }
        }
        let unseen = scanned.len() > 0 || page.remaining > 0;
        drop(scanned);
        if limit > 0 && entries.len() == limit && unseen {
            let next = next(&entries);
            return Ok(Page { entries, revision: page.revision, next, remaining: None });
        }
        if page.remaining == 0 || after.is_none() {
            return Ok(Page { entries, revision: page.revision, next: None, remaining: None });
        }
        // A large collection takes milliseconds; whoever waits for a thread comes in between.
        tokio::task::yield_now().await;
    }
}

/// What rows carry; the parameter means nothing where no table is asked for.
pub(crate) fn include(query: &Query, form: Form) -> Result<IncludeObject, Status> {
    match form {
        Form::Table => IncludeObject::parse(query.include_object.as_deref()),
        _ => Ok(IncludeObject::Metadata),
    }
}

/// Answers a list.
pub(crate) async fn list(
    inner: &Inner,
    served: Arc<Served>,
    user: &UserInfo,
    namespace: &str,
    query: &Query,
    form: Form,
    gzip: bool,
) -> Result<Response<Body>, ListError> {
    options::check_list(query, false)?;
    let selection = Selection::new(query, &served)?;
    let include = include(query, form)?;
    form.check(&served.resource, true)?;
    let page = page(inner, &served, namespace, query, &selection).await?;
    Ok(list_response(served, user, page, form, include, gzip))
}

/// The answer that shows a page.
pub(crate) fn list_response(
    served: Arc<Served>,
    user: &UserInfo,
    page: Page,
    form: Form,
    include: IncludeObject,
    gzip: bool,
) -> Response<Body> {
    let mut metadata = json!({"resourceVersion": page.revision.to_string()});
    if let Some(next) = &page.next {
        metadata["continue"] = next.as_str().into();
    }
    if let Some(remaining) = page.remaining {
        metadata["remainingItemCount"] = remaining.into();
    }
    let opening = match form {
        Form::Plain => format!(
            "{{\"kind\":\"{}\",\"apiVersion\":\"{}\",\"metadata\":{metadata},\"items\":[",
            served.resource.list_kind(),
            served.resource.api_version(),
        ),
        Form::Partial | Form::PartialList => format!(
            "{{\"kind\":\"PartialObjectMetadataList\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{metadata},\"items\":["
        ),
        Form::Table => format!(
            "{{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{metadata},\"columnDefinitions\":{},\"rows\":[",
            served.cells.definitions(),
        ),
    };
    let size: usize = page.entries.iter().map(|entry| entry.value.len()).sum();
    let mut renderer = ListRenderer {
        served,
        user: user.clone(),
        form,
        include,
        now: jiff::Timestamp::now(),
        entries: page.entries.into_iter(),
        first: true,
        opening: Some(opening),
    };
    if size < CHUNK_BYTES {
        let mut out = Vec::with_capacity(size + size / 8 + 256);
        renderer.render(&mut out, usize::MAX);
        return response::json(StatusCode::OK, out);
    }
    let compress = gzip && size >= GZIP_MINIMUM_BYTES;
    let chunks = futures::stream::unfold(renderer, |mut renderer| async move {
        // The connection would take chunks without end; whoever waits for a thread comes in between.
        tokio::task::yield_now().await;
        let mut out = Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 8);
        renderer.render(&mut out, CHUNK_BYTES);
        (!out.is_empty()).then_some((out, renderer))
    });
    if !compress {
        let chunks = chunks.map(|chunk| Ok(Bytes::from(chunk)));
        return response::json(StatusCode::OK, Body::Stream(chunks.boxed()));
    }
    let mut response = response::json(StatusCode::OK, Body::Stream(gzip_stream(chunks).boxed()));
    response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    response
}

fn gzip_stream(
    chunks: impl futures::Stream<Item = Vec<u8>> + Send + 'static,
) -> impl futures::Stream<Item = Result<Bytes, crate::body::BodyError>> + Send + 'static {
    let encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    futures::stream::unfold((Box::pin(chunks), Some(encoder)), |(mut chunks, encoder)| async move {
        let mut encoder = encoder?;
        match chunks.next().await {
            Some(chunk) => {
                if let Err(error) = encoder.write_all(&chunk) {
                    return Some((Err(error.into()), (chunks, None)));
                }
                let out = std::mem::take(encoder.get_mut());
                Some((Ok(Bytes::from(out)), (chunks, Some(encoder))))
            }
            None => Some((encoder.finish().map(Bytes::from).map_err(Into::into), (chunks, None))),
        }
    })
}

/// Renders a list piece by piece.
struct ListRenderer {
    served: Arc<Served>,
    user: UserInfo,
    form: Form,
    include: IncludeObject,
    now: jiff::Timestamp,
    entries: std::vec::IntoIter<Entry>,
    first: bool,
    opening: Option<String>,
}

impl ListRenderer {
    /// Appends pieces until `out` has `enough` bytes or the list is done; appends nothing after its end.
    fn render(&mut self, out: &mut Vec<u8>, enough: usize) {
        if let Some(opening) = self.opening.take() {
            out.extend_from_slice(opening.as_bytes());
        } else if self.entries.as_slice().is_empty() {
            return;
        }
        let mut wire = Vec::new();
        while let Some(entry) = self.entries.next() {
            if !std::mem::take(&mut self.first) {
                out.push(b',');
            }
            let revision = entry.mod_revision.0;
            if self.form == Form::Plain {
                self.served.render(&self.user, &entry.value, revision, out);
            } else {
                wire.clear();
                self.served.render(&self.user, &entry.value, revision, &mut wire);
                match self.form {
                    Form::Table => table::render_row(&self.served.cells, self.include, &wire, self.now, out),
                    _ => table::render_partial(&wire, out),
                }
            }
            if out.len() >= enough && !self.entries.as_slice().is_empty() {
                return;
            }
        }
        out.extend_from_slice(b"]}\n");
    }
}
