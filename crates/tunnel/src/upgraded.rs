//! The bytes of an upgraded request (a console, exec, port-forward) over one HTTP/2 stream, both ways.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use h2::{RecvStream, SendStream};
use http::Request;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::oneshot,
};

use crate::body::OpenStream;

/// The most one write takes.
const WRITE_LIMIT: usize = 64 * 1024;

/// An upgraded request's bytes. Each direction ends on its own; dropping it before resets the stream.
#[derive(Debug)]
pub struct UpgradedStream {
    send: SendStream<Bytes>,
    receive: RecvStream,
    /// Received and not yet read.
    rest: Bytes,
    is_shut_down: bool,
    _open: Option<OpenStream>,
}

impl UpgradedStream {
    pub(crate) fn new(send: SendStream<Bytes>, receive: RecvStream, open: Option<OpenStream>) -> Self {
        UpgradedStream { send, receive, rest: Bytes::new(), is_shut_down: false, _open: open }
    }
}

impl AsyncRead for UpgradedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.rest.is_empty() {
            match ready!(self.receive.poll_data(context)) {
                Some(Ok(bytes)) => self.rest = bytes,
                Some(Err(error)) => return Poll::Ready(Err(broken(error))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let taken = self.rest.len().min(buffer.remaining());
        buffer.put_slice(&self.rest[..taken]);
        self.rest.advance(taken);
        self.receive.flow_control().release_capacity(taken).map_err(broken)?;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for UpgradedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.send.reserve_capacity(bytes.len().min(WRITE_LIMIT));
        while self.send.capacity() == 0 {
            match ready!(self.send.poll_capacity(context)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(broken(error))),
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
        let taken = bytes.len().min(self.send.capacity());
        self.send.send_data(Bytes::copy_from_slice(&bytes[..taken]), false).map_err(broken)?;
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The connection's own task sends what stands in its queue.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_shut_down {
            self.is_shut_down = true;
            self.send.send_data(Bytes::new(), true).map_err(broken)?;
        }
        Poll::Ready(Ok(()))
    }
}

fn broken(error: h2::Error) -> io::Error {
    if error.is_io() {
        error.into_io().unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())
    } else {
        io::Error::other(error)
    }
}

/// An upgrade as the serving end sees it: the bytes are there once its answer was 200.
#[derive(Debug)]
pub struct OnUpgrade(oneshot::Receiver<UpgradedStream>);

/// The other half of [`OnUpgrade`].
pub(crate) struct Switch(oneshot::Sender<UpgradedStream>);

#[derive(Clone)]
struct Slot(std::sync::Arc<std::sync::Mutex<Option<OnUpgrade>>>);

impl OnUpgrade {
    /// Takes the upgrade out of a request that asks for one (extended CONNECT), the first time.
    pub fn take<B>(request: &mut Request<B>) -> Option<OnUpgrade> {
        let slot = request.extensions_mut().remove::<Slot>()?;
        slot.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }

    /// The bytes, or `None` when the answer was another or the connection has ended.
    pub async fn stream(self) -> Option<UpgradedStream> {
        self.0.await.ok()
    }
}

impl Switch {
    /// Puts an upgrade into a request's extensions.
    pub(crate) fn insert<B>(request: &mut Request<B>) -> Switch {
        let (switch, on_upgrade) = oneshot::channel();
        let slot = Slot(std::sync::Arc::new(std::sync::Mutex::new(Some(OnUpgrade(on_upgrade)))));
        request.extensions_mut().insert(slot);
        Switch(switch)
    }

    /// Hands the bytes over; they are gone if nobody waits for them any more.
    pub(crate) fn hand_over(self, stream: UpgradedStream) {
        let _ = self.0.send(stream);
    }
}
