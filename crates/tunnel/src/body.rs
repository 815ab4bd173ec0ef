//! Bodies on their way through a tunnel: what an end sends ([`Body`]), what it receives ([`Received`],
//! [`ResponseBody`]), and the pump between a body and an HTTP/2 stream.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, header::CONTENT_LENGTH};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::task::AbortHandle;

/// Why a body broke off.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A body to be sent. The common kinds cost no allocation.
#[derive(Default)]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// Everything at once.
    Full(Bytes),
    /// What hyper receives, passed on frame by frame.
    Incoming(Incoming),
    /// What comes from the tunnel, passed on frame by frame.
    Received(Received),
    /// Anything else.
    Boxed(Pin<Box<dyn HttpBody<Data = Bytes, Error = BodyError> + Send>>),
}

impl Body {
    /// Wraps any other body.
    pub fn boxed<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        Body::Boxed(Box::pin(http_body_util::BodyExt::map_err(body, Into::into)))
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Body::Empty => "Body::Empty",
            Body::Full(_) => "Body::Full",
            Body::Incoming(_) => "Body::Incoming",
            Body::Received(_) => "Body::Received",
            Body::Boxed(_) => "Body::Boxed",
        })
    }
}

impl From<()> for Body {
    fn from((): ()) -> Self {
        Body::Empty
    }
}
impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Body::Full(bytes)
    }
}
impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Body::Full(bytes.into())
    }
}
impl From<Incoming> for Body {
    fn from(body: Incoming) -> Self {
        Body::Incoming(body)
    }
}
impl From<Received> for Body {
    fn from(body: Received) -> Self {
        Body::Received(body)
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Body::Empty => Poll::Ready(None),
            Body::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Body::Incoming(body) => {
                let frame = ready!(Pin::new(body).poll_frame(context));
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Body::Received(body) => {
                let frame = ready!(Pin::new(body).poll_frame(context));
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Body::Boxed(body) => body.as_mut().poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Empty => true,
            Body::Full(bytes) => bytes.is_empty(),
            Body::Incoming(body) => body.is_end_stream(),
            Body::Received(body) => body.is_end_stream(),
            Body::Boxed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Empty => SizeHint::with_exact(0),
            Body::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Body::Incoming(body) => body.size_hint(),
            Body::Received(body) => body.size_hint(),
            Body::Boxed(body) => body.size_hint(),
        }
    }
}

/// A body as the other end of the tunnel sends it.
#[derive(Debug)]
pub struct Received {
    /// `None`: the request asks for an upgrade, and its bytes are not a body.
    stream: Option<RecvStream>,
    /// What is still to come, if its length was announced.
    remaining_bytes: Option<u64>,
}

impl Received {
    pub(crate) fn new(stream: RecvStream, headers: &HeaderMap) -> Self {
        let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        Received { stream: Some(stream), remaining_bytes: length }
    }

    pub(crate) fn of_upgrade() -> Self {
        Received { stream: None, remaining_bytes: None }
    }
}

impl HttpBody for Received {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let Received { stream, remaining_bytes } = &mut *self;
        let Some(stream) = stream else { return Poll::Ready(None) };
        match ready!(stream.poll_data(context)) {
            Some(Ok(bytes)) => {
                // What is handed on no longer counts against the sender: the reader asks for a frame at a time.
                stream.flow_control().release_capacity(bytes.len())?;
                if let Some(remaining) = remaining_bytes {
                    *remaining = remaining.saturating_sub(bytes.len() as u64);
                }
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Some(Err(error)) => Poll::Ready(Some(Err(error))),
            None => {
                let trailers = ready!(stream.poll_trailers(context))?;
                Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stream.as_ref().is_none_or(RecvStream::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_end_stream() {
            return SizeHint::with_exact(0);
        }
        self.remaining_bytes.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// An answer's body. Dropping it cancels the request in the cluster.
#[derive(Debug)]
pub struct ResponseBody {
    received: Received,
    _stream: OpenStream,
}

impl ResponseBody {
    pub(crate) fn new(received: Received, stream: OpenStream) -> Self {
        ResponseBody { received, _stream: stream }
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        Pin::new(&mut self.received).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.received.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.received.size_hint()
    }
}

/// Announces a body's length where it is known and nobody has.
pub(crate) fn announce_length(headers: &mut HeaderMap, body: &Body) {
    if let Some(length) = body.size_hint().exact() {
        headers.entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
}

/// Sends `body` frame by frame, each when the other end has room for it, and closes the stream's direction. A body
/// that breaks off resets the stream; a stream that is reset ends the body.
pub(crate) async fn pump(mut body: Body, mut stream: SendStream<Bytes>) {
    loop {
        // Asking for one byte keeps the body's producer waiting while nothing can be sent.
        if capacity(&mut stream, 1).await.is_none() {
            return;
        }
        let frame = poll_fn(|context| match Pin::new(&mut body).poll_frame(context) {
            Poll::Ready(frame) => Poll::Ready(Some(frame)),
            Poll::Pending => stream.poll_reset(context).map(|_| None),
        });
        let frame = match frame.await {
            Some(Some(Ok(frame))) => frame,
            Some(Some(Err(error))) => {
                tracing::debug!(%error, "a body broke off");
                return stream.send_reset(Reason::INTERNAL_ERROR);
            }
            Some(None) => {
                let _ = stream.send_data(Bytes::new(), true);
                return;
            }
            None => return,
        };
        let mut bytes = match frame.into_data() {
            Ok(bytes) => bytes,
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    let _ = stream.send_trailers(trailers);
                }
                return;
            }
        };
        let is_last = body.is_end_stream();
        loop {
            let Some(room) = capacity(&mut stream, bytes.len()).await else { return };
            let part = bytes.split_to(bytes.len().min(room));
            let is_end = is_last && bytes.is_empty();
            if stream.send_data(part, is_end).is_err() || is_end {
                return;
            }
            if bytes.is_empty() {
                break;
            }
        }
    }
}

/// Waits for room for up to `wanted` bytes; `None` when the stream is over.
async fn capacity(stream: &mut SendStream<Bytes>, wanted: usize) -> Option<usize> {
    stream.reserve_capacity(wanted);
    if wanted == 0 || stream.capacity() > 0 {
        return Some(stream.capacity());
    }
    poll_fn(|context| {
        loop {
            match ready!(stream.poll_capacity(context)) {
                Some(Ok(0)) => {}
                Some(Ok(room)) => return Poll::Ready(Some(room)),
                Some(Err(_)) | None => return Poll::Ready(None),
            }
        }
    })
    .await
}

/// Counts one open stream of a session for as long as it lives, and ends the sending of its request with it.
#[derive(Debug)]
pub(crate) struct OpenStream {
    counter: Arc<AtomicUsize>,
    sending: Option<AbortHandle>,
}

impl OpenStream {
    /// `None` when `limit` streams are open already.
    pub(crate) fn open(counter: &Arc<AtomicUsize>, limit: usize) -> Option<Self> {
        if counter.fetch_add(1, Ordering::Relaxed) >= limit {
            counter.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(OpenStream { counter: counter.clone(), sending: None })
    }

    /// Sends a request's body beside whatever else happens on the stream.
    pub(crate) fn send(&mut self, body: Body, stream: SendStream<Bytes>) {
        self.sending = Some(tokio::spawn(pump(body, stream)).abort_handle());
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.counter.fetch_sub(1, Ordering::Relaxed);
        if let Some(sending) = &self.sending {
            sending.abort();
        }
    }
}
