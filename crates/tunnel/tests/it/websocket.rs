//! The WebSocket as a stream of bytes.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use grange_tunnel::websocket::{FRAME_LIMIT, Role, Socket};
use proptest::prelude::*;
use rand::{Rng, RngExt, SeedableRng, rngs::SmallRng};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex},
    time::timeout,
};

fn pair(room: usize) -> (Socket<DuplexStream>, Socket<DuplexStream>) {
    let (left, right) = duplex(room);
    (Socket::new(left, Role::Client), Socket::new(right, Role::Server))
}

/// Whatever the sizes of writes, reads and the pipe between, the bytes arrive in order.
#[tokio::test]
async fn bytes_arrive_in_order() {
    for seed in 0..24 {
        let mut random = SmallRng::seed_from_u64(seed);
        let (client, server) = pair(random.random_range(1..100_000));
        let (mut writer, mut reader) = if seed % 2 == 0 { (client, server) } else { (server, client) };
        let mut sent = vec![0; random.random_range(1..400_000)];
        random.fill_bytes(&mut sent);
        let expect = sent.clone();
        let mut choice = SmallRng::seed_from_u64(seed + 1000);
        let writing = tokio::spawn(async move {
            let mut rest = &sent[..];
            while !rest.is_empty() {
                let now = choice.random_range(1..=rest.len().min(2 * FRAME_LIMIT));
                writer.write_all(&rest[..now]).await.unwrap();
                if choice.random_bool(0.5) {
                    writer.flush().await.unwrap();
                }
                rest = &rest[now..];
            }
            writer.shutdown().await.unwrap();
        });
        let mut received = Vec::new();
        loop {
            let mut buffer = vec![0; random.random_range(1..70_000)];
            match timeout(Duration::from_secs(10), reader.read(&mut buffer)).await.unwrap().unwrap() {
                0 => break,
                read => received.extend_from_slice(&buffer[..read]),
            }
        }
        assert!(received == expect, "seed {seed}");
        assert_eq!(reader.link().received_bytes(), expect.len() as u64);
        assert_eq!(reader.link().end(), Some("the peer closed the connection"));
        writing.await.unwrap();
    }
}

/// Text before the first byte, in both directions and of every length class.
#[tokio::test]
async fn messages_come_before_bytes() {
    let (mut client, mut server) = pair(1024);
    for length in [2, 124, 126, 128, 5000] {
        let text = "ä".repeat(length / 2);
        let (sent, received) = tokio::join!(client.send_text(&text), server.receive_text(16 * 1024));
        sent.unwrap();
        assert_eq!(received.unwrap().as_deref(), Some(text.as_str()));
    }
    let (_, refused) = tokio::join!(client.send_text("too long"), server.receive_text(3));
    refused.unwrap_err();
}

/// Frames as other implementations may send them: fragments, pings between them, empty frames.
#[tokio::test]
async fn foreign_frames_are_understood() {
    let (mut raw, end) = duplex(4096);
    let mut client = Socket::new(end, Role::Client);
    raw.write_all(b"\x02\x03abc\x89\x04ping\x00\x00\x80\x02de\x82\x01f\x88\x02\x03\xe8").await.unwrap();
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes, b"abcdef");
    // The answer to the ping: masked, with the ping's payload.
    let mut pong = [0; 10];
    raw.read_exact(&mut pong).await.unwrap();
    assert_eq!(pong[..2], [0x8a, 0x84]);
    let payload: Vec<u8> = pong[6..].iter().zip(&pong[2..6]).map(|(byte, mask)| byte ^ mask).collect();
    assert_eq!(payload, b"ping");
}

#[tokio::test]
async fn the_reason_of_a_close_is_kept() {
    let (mut raw, end) = duplex(4096);
    let mut client = Socket::new(end, Role::Client);
    raw.write_all(b"\x88\x0a\x03\xe9going by").await.unwrap();
    assert_eq!(client.read(&mut [0; 16]).await.unwrap(), 0);
    assert_eq!(client.link().end(), Some("the peer closed the connection: going by"));
}

#[tokio::test]
async fn an_aborted_socket_wakes_its_reader() {
    let (mut client, _server) = pair(4096);
    let link = client.link();
    let reading = tokio::spawn(async move { client.read(&mut [0; 16]).await });
    tokio::task::yield_now().await;
    link.abort();
    timeout(Duration::from_secs(10), reading).await.unwrap().unwrap().unwrap_err();
}

/// A peer that pings without ever reading costs no memory.
#[tokio::test]
async fn a_flood_of_pings_is_survived() {
    let (mut raw, end) = duplex(64);
    let mut client = Socket::new(end, Role::Client);
    let flood = tokio::spawn(async move {
        for _ in 0..10_000 {
            raw.write_all(b"\x89\x04ping").await.unwrap();
        }
        raw.write_all(b"\x82\x01x").await.unwrap();
        raw
    });
    let mut byte = [0];
    timeout(Duration::from_secs(10), client.read_exact(&mut byte)).await.unwrap().unwrap();
    assert_eq!(&byte, b"x");
    drop(flood.await.unwrap());
}

/// A frame as a peer may send it, right or wrong: first byte, whether masked, payload, and maybe another length than
/// the payload's.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        4 => Just(0x82),
        4 => prop::sample::select(vec![0x00, 0x01, 0x02, 0x80, 0x81, 0x88, 0x89, 0x8a]),
        1 => any::<u8>(),
    ];
    let claimed = prop_oneof![6 => Just(None), 1 => any::<u64>().prop_map(Some)];
    (first, any::<bool>(), prop::collection::vec(any::<u8>(), 0..200), claimed).prop_map(
        |(first, masked, payload, claimed)| {
            let mask_bit = if masked { 0x80 } else { 0 };
            let mut bytes = vec![first];
            match claimed.unwrap_or(payload.len() as u64) {
                length @ 0..126 => bytes.push(mask_bit | length as u8),
                length @ 126..0x1_0000 => {
                    bytes.push(mask_bit | 126);
                    bytes.extend_from_slice(&(length as u16).to_be_bytes());
                }
                length => {
                    bytes.push(mask_bit | 127);
                    bytes.extend_from_slice(&length.to_be_bytes());
                }
            }
            if masked {
                bytes.extend_from_slice(&[0; 4]);
            }
            bytes.extend_from_slice(&payload);
            bytes
        },
    )
}

proptest! {
    /// No bytes make a reader hang, panic, or believe that more came than did.
    #[test]
    fn whatever_comes_reading_ends(
        frames in prop::collection::vec(frame(), 0..8),
        cut in 0..2000_usize,
        room in 1..64_usize,
        is_server in any::<bool>(),
    ) {
        let mut bytes = frames.concat();
        bytes.truncate(cut);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            for as_text in [false, true] {
                let (mut raw, end) = duplex(room);
                let mut socket = Socket::new(end, if is_server { Role::Server } else { Role::Client });
                let sent = bytes.clone();
                let writing = async {
                    // The reader may have hung up before.
                    let _ = raw.write_all(&sent).await;
                    let _ = raw.shutdown().await;
                    // What it has to say is read, or it could not say it.
                    let _ = raw.read_to_end(&mut Vec::new()).await;
                };
                let reading = async {
                    let received = if as_text {
                        let text = socket.receive_text(100).await;
                        text.ok().flatten().map_or(0, |text| { assert!(text.len() <= 100); text.len() })
                    } else {
                        let mut received = Vec::new();
                        let _ = socket.read_to_end(&mut received).await;
                        received.len()
                    };
                    drop(socket);
                    received
                };
                let both = async { tokio::join!(reading, writing) };
                let (received, ()) = timeout(Duration::from_secs(10), both).await.expect("reading hangs");
                assert!(received <= bytes.len());
            }
        });
    }
}

/// A stream that was cut without a goodbye, as a TLS library says it.
struct Cut;

impl AsyncRead for Cut {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let manual = "peer closed connection without sending TLS close_notify: https://docs.rs/rustls/";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, manual)))
    }
}

impl AsyncWrite for Cut {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// How a session ended stands on pages: in words for people.
#[tokio::test]
async fn a_cut_stream_ends_in_plain_words() {
    let mut reader = Socket::new(Cut, Role::Server);
    reader.read_u8().await.unwrap_err();
    assert_eq!(reader.link().end(), Some("the connection broke off"));
    let mut writer = Socket::new(Cut, Role::Server);
    writer.write_all(b"hello").await.unwrap();
    writer.flush().await.unwrap_err();
    assert_eq!(writer.link().end(), Some("the connection was closed"));
}
