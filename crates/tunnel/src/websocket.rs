//! A WebSocket as a stream of bytes.
//!
//! Binary frames carry the bytes; their borders mean nothing. Text messages exist only before the first byte
//! ([`Socket::receive_text`], [`Socket::send_text`]). Writing gathers what the layer above has to say into one frame
//! of at most [`FRAME_LIMIT`] bytes and sends it when that layer flushes; reading decrypts and unmasks straight into
//! the reader's buffer. An idle stream holds no buffer.
//!
//! This is not a WebSocket library: no extensions, no messages, no fragments from our side. Peers may fragment.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use grange_wire::words;

/// The largest payload of a frame we send: with its header exactly four TLS records.
pub const FRAME_LIMIT: usize = 64 * 1024 - HEADER_ROOM;
/// The largest frame we accept. Nothing is buffered for it, so this only tells garbage from data early.
pub const MAX_FRAME_BYTES: u64 = 16 * 1024 * 1024;
/// The longest header of a frame we send: two bytes, a 16-bit length, a mask.
const HEADER_ROOM: usize = 8;
/// The most one read takes: a TLS record, because the reader's buffer is cleared for as much first.
const READ_LIMIT: usize = 16 * 1024;
/// A drained write buffer that grew beyond this is given back.
const KEPT_BUFFER_BYTES: usize = 4 * 1024;
/// Payload limit of control frames (RFC 6455, 5.5).
const CONTROL_LIMIT: usize = 125;
/// Control frames waiting to be sent; a peer that pings faster than it reads loses pongs, not our memory.
const CONTROL_BACKLOG_BYTES: usize = 1024;

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
const FINAL: u8 = 0x80;

/// Which end of the WebSocket this is: clients mask what they send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Dialled.
    Client,
    /// Accepted.
    Server,
}

/// What went over a [`Socket`] and how it ended; readable while another task owns the socket.
#[derive(Debug, Default)]
pub struct Link {
    received_bytes: AtomicU64,
    sent_bytes: AtomicU64,
    aborted: AtomicBool,
    over: AtomicBool,
    waker: AtomicWaker,
    end: OnceLock<String>,
}

impl Link {
    /// Payload bytes received.
    pub fn received_bytes(&self) -> u64 {
        self.received_bytes.load(Ordering::Relaxed)
    }

    /// Payload bytes sent.
    pub fn sent_bytes(&self) -> u64 {
        self.sent_bytes.load(Ordering::Relaxed)
    }

    /// Ends the socket now, whatever is in flight.
    pub fn abort(&self) {
        self.aborted.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// How the connection ended, once it has and the transport knew.
    pub fn end(&self) -> Option<&str> {
        self.end.get().map(String::as_str)
    }

    /// Says how the connection ended; the first word stands.
    pub(crate) fn note_end(&self, end: impl Into<String>) {
        let _ = self.end.set(end.into());
    }

    /// The same for an error of the transport below.
    fn note_failure(&self, error: &io::Error) {
        tracing::debug!(%error, "the transport of a session failed");
        self.note_end(words::of_io(error));
    }

    /// Whether what ran over the socket has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    pub(crate) fn note_over(&self) {
        self.over.store(true, Ordering::Release);
    }

    fn check(&self) -> io::Result<()> {
        if self.aborted.load(Ordering::Acquire) {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the session was closed"));
        }
        Ok(())
    }
}

/// One frame being read.
#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    opcode: u8,
    remaining: u64,
    mask: Option<[u8; 4]>,
    mask_offset: usize,
}

/// A WebSocket over any byte stream, after its HTTP upgrade.
#[derive(Debug)]
pub struct Socket<S> {
    io: S,
    role: Role,
    link: Arc<Link>,
    // Reading.
    header: [u8; 14],
    header_len: usize,
    frame: Frame,
    control: Vec<u8>,
    ended: bool,
    // Writing: `out[start..]` is one data frame, its header right before its payload.
    out: Vec<u8>,
    start: usize,
    sealed: bool,
    begun: bool,
    control_out: Vec<u8>,
    control_sent: usize,
    yielded: bool,
    closing: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// Wraps a stream whose HTTP upgrade is done.
    pub fn new(io: S, role: Role) -> Self {
        Socket {
            io,
            role,
            link: Arc::default(),
            header: [0; 14],
            header_len: 0,
            frame: Frame::default(),
            control: Vec::new(),
            ended: false,
            out: Vec::new(),
            start: 0,
            sealed: false,
            begun: false,
            control_out: Vec::new(),
            control_sent: 0,
            yielded: false,
            closing: false,
        }
    }

    /// The counters and the end of this socket.
    pub fn link(&self) -> Arc<Link> {
        self.link.clone()
    }

    /// The stream below.
    pub fn into_inner(self) -> S {
        self.io
    }

    /// Sends one text message and flushes it.
    pub async fn send_text(&mut self, text: &str) -> io::Result<()> {
        let payload = text.as_bytes();
        if payload.len() > FRAME_LIMIT {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the message is too long"));
        }
        self.out.resize(HEADER_ROOM, 0);
        self.out.extend_from_slice(payload);
        self.seal(TEXT);
        self.flush().await
    }

    /// Reads one text message of at most `limit` bytes; `None` when the peer closed instead.
    pub async fn receive_text(&mut self, limit: usize) -> io::Result<Option<String>> {
        let mut text = Vec::new();
        loop {
            let received = std::future::poll_fn(|context| self.poll_payload(context, TEXT)).await?;
            let Some(is_final) = received else { return Ok(None) };
            if self.frame.remaining > (limit - text.len()) as u64 {
                return Err(invalid("the message is too long"));
            }
            let before = text.len();
            text.resize(before + self.frame.remaining as usize, 0);
            self.io.read_exact(&mut text[before..]).await?;
            self.unmask(&mut text[before..]);
            self.frame.remaining = 0;
            if is_final {
                return String::from_utf8(text).map(Some).map_err(|_| invalid("a text message is not UTF-8"));
            }
        }
    }

    /// Reads headers and control frames until a data frame stands open; gives whether it is final, `None` at the
    /// end. `wanted` is the opcode the caller takes.
    fn poll_payload(&mut self, context: &mut Context<'_>, wanted: u8) -> Poll<io::Result<Option<bool>>> {
        loop {
            if self.ended {
                return Poll::Ready(Ok(None));
            }
            if self.frame.remaining > 0 {
                if self.frame.opcode < CLOSE {
                    return Poll::Ready(Ok(Some(self.header[0] & FINAL != 0)));
                }
                ready!(self.poll_control_payload(context))?;
                continue;
            }
            if !ready!(self.poll_header(context))? {
                self.ended = true;
                self.link.note_end("the peer closed the connection");
                return Poll::Ready(Ok(None));
            }
            let frame = self.frame;
            match frame.opcode {
                CONTINUATION => {}
                opcode if opcode == wanted => {}
                TEXT | BINARY => return Poll::Ready(Err(self.fail("an unexpected kind of message"))),
                CLOSE | PING | PONG => {
                    if frame.remaining > CONTROL_LIMIT as u64 || self.header[0] & FINAL == 0 {
                        return Poll::Ready(Err(self.fail("a malformed control frame")));
                    }
                    self.control.clear();
                    if frame.remaining == 0 {
                        self.finish_control(context);
                    }
                }
                _ => return Poll::Ready(Err(self.fail("an unknown kind of frame"))),
            }
        }
    }

    /// Reads one frame's header; `false` at a clean end before its first byte.
    fn poll_header(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            let wanted = header_length(&self.header[..self.header_len]);
            if self.header_len == wanted {
                break;
            }
            let mut buffer = ReadBuf::new(&mut self.header[self.header_len..wanted]);
            ready!(Pin::new(&mut self.io).poll_read(context, &mut buffer)).inspect_err(|error| {
                self.link.note_failure(error);
            })?;
            let read = buffer.filled().len();
            if read == 0 {
                if self.header_len == 0 {
                    return Poll::Ready(Ok(false));
                }
                return Poll::Ready(Err(self.fail("the connection ended inside a frame")));
            }
            self.header_len += read;
        }
        let header = &self.header[..self.header_len];
        let (first, second) = (header[0], header[1]);
        let masked = second & 0x80 != 0;
        let (remaining, mask_at) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes([header[2], header[3]])), 4),
            127 => {
                let mut length = [0; 8];
                length.copy_from_slice(&header[2..10]);
                (u64::from_be_bytes(length), 10)
            }
            length => (u64::from(length), 2),
        };
        let mask =
            masked.then(|| [header[mask_at], header[mask_at + 1], header[mask_at + 2], header[mask_at + 3]]);
        self.header_len = 0;
        if first & 0x70 != 0 {
            return Poll::Ready(Err(self.fail("a frame with reserved bits")));
        }
        if remaining > MAX_FRAME_BYTES {
            return Poll::Ready(Err(self.fail("an oversized frame")));
        }
        if masked != (self.role == Role::Server) {
            return Poll::Ready(Err(self.fail("a frame that is masked the wrong way")));
        }
        self.frame = Frame { opcode: first & 0x0f, remaining, mask, mask_offset: 0 };
        Poll::Ready(Ok(true))
    }

    fn poll_control_payload(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut room = [0; CONTROL_LIMIT];
        let wanted = self.frame.remaining as usize;
        let mut buffer = ReadBuf::new(&mut room[..wanted]);
        ready!(Pin::new(&mut self.io).poll_read(context, &mut buffer))?;
        let read = buffer.filled().len();
        if read == 0 {
            return Poll::Ready(Err(self.fail("the connection ended inside a frame")));
        }
        self.unmask(&mut room[..read]);
        self.control.extend_from_slice(&room[..read]);
        self.frame.remaining -= read as u64;
        if self.frame.remaining == 0 {
            self.finish_control(context);
        }
        Poll::Ready(Ok(()))
    }

    fn finish_control(&mut self, context: &mut Context<'_>) {
        match self.frame.opcode {
            PING => {
                let payload = std::mem::take(&mut self.control);
                self.queue_control(PONG, &payload);
                // A pong that cannot be written now goes out with the next write.
                let _ = self.poll_drain_control(context);
            }
            CLOSE => {
                self.ended = true;
                let reason = match self.control.get(2..) {
                    Some(text) if !text.is_empty() => {
                        format!("the peer closed the connection: {}", String::from_utf8_lossy(text))
                    }
                    _ => "the peer closed the connection".to_owned(),
                };
                self.link.note_end(reason);
            }
            _ => {}
        }
        self.control = Vec::new();
    }

    fn unmask(&mut self, bytes: &mut [u8]) {
        if let Some(mask) = self.frame.mask {
            apply_mask(bytes, mask, self.frame.mask_offset);
            self.frame.mask_offset = (self.frame.mask_offset + bytes.len()) % 4;
        }
    }

    fn fail(&self, what: &'static str) -> io::Error {
        self.link.note_end(format!("the peer sent garbage: {what}"));
        invalid(what)
    }

    fn queue_control(&mut self, opcode: u8, payload: &[u8]) {
        if self.control_out.len() + payload.len() + HEADER_ROOM > CONTROL_BACKLOG_BYTES {
            return;
        }
        let payload = &payload[..payload.len().min(CONTROL_LIMIT)];
        self.control_out.push(FINAL | opcode);
        let mask_bit = if self.role == Role::Client { 0x80 } else { 0 };
        self.control_out.push(mask_bit | payload.len() as u8);
        if self.role == Role::Client {
            let mask: [u8; 4] = rand::random();
            self.control_out.extend_from_slice(&mask);
            let at = self.control_out.len();
            self.control_out.extend_from_slice(payload);
            apply_mask(&mut self.control_out[at..], mask, 0);
        } else {
            self.control_out.extend_from_slice(payload);
        }
    }

    /// Puts the header before the gathered payload. Afterwards `out[start..]` is a whole frame.
    fn seal(&mut self, opcode: u8) {
        let length = self.out.len() - HEADER_ROOM;
        let client = self.role == Role::Client;
        let mask_length = if client { 4 } else { 0 };
        let header_length = mask_length + if length < 126 { 2 } else { 4 };
        self.start = HEADER_ROOM - header_length;
        let mask_bit = if client { 0x80 } else { 0 };
        let header = &mut self.out[self.start..HEADER_ROOM];
        header[0] = FINAL | opcode;
        if length < 126 {
            header[1] = mask_bit | length as u8;
        } else {
            header[1] = mask_bit | 126;
            header[2..4].copy_from_slice(&(length as u16).to_be_bytes());
        }
        if client {
            let mask: [u8; 4] = rand::random();
            self.out[HEADER_ROOM - 4..HEADER_ROOM].copy_from_slice(&mask);
            apply_mask(&mut self.out[HEADER_ROOM..], mask, 0);
        }
        self.link.sent_bytes.fetch_add(length as u64, Ordering::Relaxed);
        self.sealed = true;
    }

    fn poll_drain_control(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // INVARIANT: a control frame never goes between the bytes of a data frame; it then follows that frame.
        if self.begun {
            return Poll::Ready(Ok(()));
        }
        while self.control_sent < self.control_out.len() {
            let written =
                ready!(Pin::new(&mut self.io).poll_write(context, &self.control_out[self.control_sent..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.control_sent += written;
        }
        self.control_out = Vec::new();
        self.control_sent = 0;
        Poll::Ready(Ok(()))
    }

    /// Writes the sealed frame out.
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.control_out.is_empty() {
            ready!(self.poll_drain_control(context))?;
        }
        if !self.sealed {
            return Poll::Ready(Ok(()));
        }
        while self.start < self.out.len() {
            let written = ready!(Pin::new(&mut self.io).poll_write(context, &self.out[self.start..]))
                .inspect_err(|error| self.link.note_failure(error))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.start += written;
            self.begun = true;
        }
        self.begun = false;
        self.sealed = false;
        self.start = 0;
        self.out.clear();
        if !self.control_out.is_empty() {
            ready!(self.poll_drain_control(context))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Takes as much of `bytes` as the open frame has room for.
    fn gather(&mut self, bytes: &[u8]) -> usize {
        if self.out.is_empty() {
            self.out.reserve(HEADER_ROOM + bytes.len().min(FRAME_LIMIT));
            self.out.resize(HEADER_ROOM, 0);
        }
        let taken = bytes.len().min(HEADER_ROOM + FRAME_LIMIT - self.out.len());
        self.out.extend_from_slice(&bytes[..taken]);
        if self.out.len() == HEADER_ROOM + FRAME_LIMIT {
            self.seal(BINARY);
        }
        taken
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.link.waker.register(context.waker());
        this.link.check()?;
        if buffer.remaining() == 0 || ready!(this.poll_payload(context, BINARY))?.is_none() {
            return Poll::Ready(Ok(()));
        }
        let wanted = this.frame.remaining.min(READ_LIMIT as u64) as usize;
        let wanted = wanted.min(buffer.remaining());
        let room = buffer.initialize_unfilled_to(wanted);
        let mut part = ReadBuf::new(room);
        ready!(Pin::new(&mut this.io).poll_read(context, &mut part))
            .inspect_err(|error| this.link.note_failure(error))?;
        let read = part.filled().len();
        if read == 0 {
            return Poll::Ready(Err(this.fail("the connection ended inside a frame")));
        }
        this.unmask(&mut room[..read]);
        this.frame.remaining -= read as u64;
        this.link.received_bytes.fetch_add(read as u64, Ordering::Relaxed);
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.link.check()?;
        if this.sealed {
            ready!(this.poll_drain(context))?;
        }
        let mut taken = 0;
        for slice in slices {
            let now = this.gather(slice);
            taken += now;
            if now < slice.len() || this.sealed {
                break;
            }
        }
        if this.sealed {
            // The frame is full: start sending it. What does not fit now goes with the next write or flush.
            if let Poll::Ready(result) = this.poll_drain(context) {
                result?;
            }
        }
        Poll::Ready(Ok(taken))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.link.check()?;
        if !this.sealed && this.out.len() > HEADER_ROOM {
            // Give the other tasks one turn: what they add shares the frame, the TLS record and the system call.
            if !this.yielded {
                this.yielded = true;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            this.seal(BINARY);
        }
        this.yielded = false;
        ready!(this.poll_drain(context))?;
        if this.out.capacity() > KEPT_BUFFER_BYTES {
            this.out = Vec::new();
        }
        Pin::new(&mut this.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(context))?;
        let this = self.get_mut();
        if !this.closing {
            this.closing = true;
            this.queue_control(CLOSE, &1000u16.to_be_bytes());
        }
        ready!(this.poll_drain_control(context))?;
        Pin::new(&mut this.io).poll_shutdown(context)
    }
}

/// How long a header is that begins with `bytes`.
fn header_length(bytes: &[u8]) -> usize {
    let Some(second) = bytes.get(1) else { return 2 };
    let extended = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + extended + if second & 0x80 != 0 { 4 } else { 0 }
}

/// Masks or unmasks `bytes`, the first of which is number `offset` of its frame.
fn apply_mask(bytes: &mut [u8], mask: [u8; 4], offset: usize) {
    let turned = [mask[offset % 4], mask[(offset + 1) % 4], mask[(offset + 2) % 4], mask[(offset + 3) % 4]];
    let word = u64::from_ne_bytes([
        turned[0], turned[1], turned[2], turned[3], turned[0], turned[1], turned[2], turned[3],
    ]);
    let (chunks, rest) = bytes.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ word).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(turned.into_iter().cycle()) {
        *byte ^= mask;
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
