//! Peers that send next to nothing, or too much: they lose their place, and nobody else notices
//! them.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::proof_shapes::one_paid;
use crate::support::moment::Stopwatch;
use crate::support::world::{Totals, launch};
use crate::support::{Setup, World, raw};

/// Sends `head` at once and then `drip` a byte a second, until the gateway closes or the time is
/// over.
async fn drip(
    address: SocketAddr,
    head: Vec<u8>,
    drip: Vec<u8>,
    limit: Duration,
) -> Result<Vec<u8>, String> {
    let mut stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    stream.write_all(&head).await.map_err(|error| error.to_string())?;
    let (mut reader, mut writer) = stream.into_split();
    let mut heard = Vec::new();
    let sending = async {
        for byte in drip {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if writer.write_all(&[byte]).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let closed = tokio::select! {
        closed = tokio::time::timeout(limit, reader.read_to_end(&mut heard)) => closed.is_ok(),
        () = sending => false,
    };
    if closed { Ok(heard) } else { Err(format!("still open after {limit:?}")) }
}

fn quick_to_close() -> Setup {
    Setup::paid().set("server.header_read_timeout_s", "4").set("server.body_timeout_s", "5")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r103_slow_peers_are_closed_and_a_payment_is_not_delayed() {
    let world = quick_to_close().start().await;
    let wallet = world.agent().await;
    let before = world.gateway.resident_bytes();
    let address = world.gateway.address;
    let limit = Duration::from_secs(20);
    let mut peers = JoinSet::new();
    for at in 0..500 {
        // Some have said nothing, some half of a preface, some half of a head.
        let head = [&b""[..], b"PRI * HTTP/2.0", b"POST /launches HTTP/1.1\r\nhost: a\r\nx-slow: "]
            [at % 3];
        peers.spawn(drip(address, head.to_vec(), vec![b'a'; 60], limit));
    }
    for _ in 0..200 {
        let head = b"POST /launches HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{";
        peers.spawn(drip(address, head.to_vec(), vec![b' '; 60], limit));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let watch = Stopwatch::start();
    world.launch(&wallet, "among slow peers").await.must(201);
    assert!(watch.elapsed() < Duration::from_secs(10), "{:?}", watch.elapsed());
    let grown = world.gateway.resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "{} MiB more", grown >> 20);
    let mut answers = Vec::new();
    while let Some(peer) = peers.join_next().await {
        match peer.unwrap() {
            Ok(heard) => answers.extend(raw::statuses(&heard)),
            Err(error) => panic!("{error}"),
        }
    }
    assert!(answers.iter().all(|status| [400, 408].contains(status)), "{answers:?}");
    assert_eq!(answers.iter().filter(|status| **status == 408).count(), 200);
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_says_nothing_more_is_closed() {
    let world = Setup::new()
        .set("server.header_read_timeout_s", "2")
        .set("server.idle_timeout_s", "4")
        .start()
        .await;
    let address = world.gateway.address;
    let request = raw::request("GET", "/nothing", &[], b"");
    let watch = Stopwatch::start();
    drip(address, Vec::new(), Vec::new(), Duration::from_secs(10)).await.unwrap();
    let silent = watch.elapsed();
    assert!(silent > Duration::from_millis(1_500) && silent < Duration::from_secs(4), "{silent:?}");
    // Between two requests it may be quiet for longer than a head may take.
    let watch = Stopwatch::start();
    let quiet =
        (0..200).map(|_| drip(address, request.clone(), Vec::new(), Duration::from_secs(10)));
    for heard in futures::future::join_all(quiet).await {
        assert_eq!(raw::statuses(&heard.unwrap()), [404]);
    }
    let idle = watch.elapsed();
    assert!(idle > Duration::from_secs(3) && idle < Duration::from_secs(9), "{idle:?}");
    // The next head has its own time again.
    let watch = Stopwatch::start();
    let heard =
        drip(address, request, b"GET /nothing".to_vec(), Duration::from_secs(15)).await.unwrap();
    assert_eq!(raw::statuses(&heard), [404]);
    let second = watch.elapsed();
    assert!(second > Duration::from_secs(2) && second < Duration::from_secs(6), "{second:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_reads_no_answer_is_closed() {
    let world = Setup::new().set("server.write_timeout_s", "2").start().await;
    let mut stream = TcpStream::connect(world.gateway.address).await.unwrap();
    let requests = raw::request("GET", "/nothing", &[], b"").repeat(100);
    let watch = Stopwatch::start();
    // Until nothing goes through any more, and then until the gateway gives up.
    while stream.write_all(&requests).await.is_ok() {
        assert!(watch.elapsed() < Duration::from_secs(30), "still open");
    }
    let before = world.gateway.resident_bytes();
    assert!(before < 256 << 20, "{} MiB", before >> 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn r102_a_compressed_body_is_refused_unread() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let (name, value) = world.proof(&wallet).v2();
    world.secrets.add_header(name, &value);
    // What ten gigabytes of zeros look like: only its size and its name matter, nobody may unpack
    // it.
    let bomb = [&b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"[..], &vec![0; 10_000_000]].concat();
    let before = world.gateway.resident_bytes();
    for encoding in ["gzip", "x-gzip", "deflate", "br", "zstd", "gzip, gzip", "identity, gzip"] {
        let payment = [
            (name, value.as_str()),
            ("content-type", "application/json"),
            ("content-encoding", encoding),
            ("connection", "close"),
        ];
        let whole = raw::request("POST", "/launches", &payment, &bomb);
        let answer = raw::exchange(world.gateway.address, &whole).await;
        refused_unread(&answer, encoding);
        let mut head =
            b"POST /launches HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n".to_vec();
        for (name, value) in payment {
            head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        let chunk = format!("\r\n{:x}\r\n", bomb.len()).into_bytes();
        let answer = raw::exchange(
            world.gateway.address,
            &[&head, &chunk[..], &bomb, b"\r\n0\r\n\r\n"].concat(),
        )
        .await;
        refused_unread(&answer, encoding);
    }
    let grown = world.gateway.resident_bytes().saturating_sub(before);
    assert!(grown < 32 << 20, "{} MiB more", grown >> 20);
    world.settles_at(Totals::default()).await;
    world.create(&(name, value), &launch("plain")).await.must(201);
    world.settles_at(one_paid()).await;
}

/// 413 or 415. The answer may be lost when the gateway closes a connection on which megabytes are
/// still on their way.
#[track_caller]
fn refused_unread(answer: &[u8], what: &str) {
    let statuses = raw::statuses(answer);
    assert!(statuses.is_empty() || statuses == [415] || statuses == [413], "{what}: {statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_body_is_named_as_the_mistake() {
    let world = World::start().await;
    let wallet = world.agent().await;
    let call = crate::support::world::creation(&world.proof(&wallet).v2(), &launch("t"))
        .header("content-encoding", "gzip");
    let reply = world.send(call).await.refused(415, "SERVER_002");
    assert_eq!(reply.json()["field"], "Content-Encoding");
    world.settles_at(Totals::default()).await;
}
