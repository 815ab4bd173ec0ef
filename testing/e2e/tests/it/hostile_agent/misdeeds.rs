//! What bad agents send.

/// When an agent turns bad.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum When {
    /// Right after the welcome, below the WebSocket.
    Raw,
    /// Right after the welcome, inside the WebSocket.
    Framed,
    /// In its answer to a request, after it had become a session.
    Answering,
}

/// What is sent, given the stream of the request that it answers.
pub(super) type Sent = fn(u32) -> Vec<u8>;

const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
pub(super) const END_STREAM: u8 = 0x1;
pub(super) const END_HEADERS: u8 = 0x4;
/// `:status: 200` in HPACK's static table.
pub(super) const STATUS_200: u8 = 0x88;

/// What bad agents do.
pub(super) fn misdeeds() -> Vec<(&'static str, When, Sent)> {
    vec![
        ("random bytes", When::Raw, |_| (0..4096_u32).map(|number| (number * 37 + 11) as u8).collect()),
        ("a WebSocket frame of exabytes", When::Raw, |_| {
            [&[0x82, 0xff][..], &(1_u64 << 62).to_be_bytes(), &[1, 2, 3, 4], &[0; 1024]].concat()
        }),
        ("an endless WebSocket message of pings", When::Raw, |_| [0x89, 0xff].repeat(512)),
        ("text instead of HTTP/2", When::Framed, |_| b"GET / HTTP/1.1\r\nhost: a\r\n\r\n".repeat(64)),
        ("an HTTP/2 frame of 16 MiB", When::Framed, |_| {
            [frame(SETTINGS, 0, 0, &[]), vec![0xff, 0xff, 0xff, DATA, 0, 0, 0, 0, 1]].concat()
        }),
        ("headers without end", When::Answering, |stream| {
            let field = [&[0x40, 0x01, b'x', 0x7f, 0xa1, 0x1e][..], &[b'y'; 4000]].concat();
            let mut bytes = frame(HEADERS, 0, stream, &[STATUS_200]);
            (0..1024).for_each(|_| bytes.extend(frame(CONTINUATION, 0, stream, &field)));
            bytes
        }),
        ("an answer that nobody asked for", When::Answering, |stream| {
            frame(HEADERS, END_HEADERS, stream + 1000, &[STATUS_200])
        }),
        ("a promise to push", When::Answering, |stream| {
            frame(PUSH_PROMISE, END_HEADERS, stream, &[0, 0, 0, 2, 0x82, 0x87, 0x84])
        }),
        ("an endless window", When::Answering, |_| {
            [
                frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]),
                frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]),
            ]
            .concat()
        }),
        ("a header table that is none", When::Answering, |stream| {
            frame(HEADERS, END_HEADERS | END_STREAM, stream, &[0xff; 64])
        }),
        ("settings out of range", When::Answering, |_| frame(SETTINGS, 0, 0, &[0, 5, 0, 0, 0, 1])),
    ]
}

/// One HTTP/2 frame.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}
