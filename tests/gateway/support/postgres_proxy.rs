//! The way to the database server: the weather of any TCP proxy, and a commit that is stopped at an
//! exact point.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::database::server_address;
use super::tcp_proxy::TcpProxy;
use super::trap::Trap;

const COMMIT: &[u8] = b"COMMIT";
/// Every move of an intent writes it down, and so does every action of an operator.
const MOVES: [&[u8]; 2] = [b"INSERT INTO intent_events", b"INSERT INTO operator_actions"];
/// The server has done what it was asked, and says whether a transaction is open.
const READY_FOR_QUERY: u8 = b'Z';

/// Where a commit is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitPoint {
    /// It never reaches the server.
    Before,
    /// It is done, and nobody hears of it.
    After,
}

impl CommitPoint {
    pub const ALL: [Self; 2] = [Self::Before, Self::After];
}

#[derive(Clone)]
struct Armed {
    at: CommitPoint,
    reached: watch::Sender<bool>,
    open: watch::Receiver<bool>,
}

type Next = Arc<Mutex<Option<Armed>>>;

/// The proxy before one process.
pub struct PostgresProxy {
    /// What happens to all bytes.
    pub weather: TcpProxy,
    next: Next,
    running: JoinHandle<()>,
}

impl PostgresProxy {
    /// A proxy before the server of the tests.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let weather = TcpProxy::start(listener.local_addr().unwrap()).await;
        let next = Next::default();
        let running = tokio::spawn(accept(listener, Arc::clone(&next)));
        Self { weather, next, running }
    }

    /// Where the process finds its database.
    pub fn address(&self) -> SocketAddr {
        self.weather.address
    }

    /// Stops the next commit that moves an intent, or notes an operator's action, at this point.
    pub fn trap_commit(&self, at: CommitPoint) -> Trap {
        let (trap, reached, open) = Trap::new();
        *self.next.lock().unwrap() = Some(Armed { at, reached, open });
        trap
    }
}

impl Drop for PostgresProxy {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// Takes connections until it is aborted; they are its own, so they end with it.
async fn accept(listener: TcpListener, next: Next) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        let next = Arc::clone(&next);
        connections.spawn(async move {
            let Ok(server) = TcpStream::connect(server_address()).await else { return };
            // Messages are written one by one.
            client.set_nodelay(true).and_then(|()| server.set_nodelay(true)).unwrap();
            carry(client, server, next).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Carries messages both ways until a side ends. A stopped connection says nothing more.
async fn carry(client: TcpStream, server: TcpStream, next: Next) {
    let (from_client, mut to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let (mut from_client, mut from_server) =
        (BufReader::new(from_client), BufReader::new(from_server));
    let (session, stopped) = (Mutex::new(Session::default()), Mutex::new(None::<Armed>));
    let there = async {
        // The first message of all has no type.
        let mut typed = false;
        while let Ok(message) = message(&mut from_client, typed).await {
            let commits = typed && session.lock().unwrap().commits(&message);
            typed = true;
            if commits && let Some(mut armed) = { next.lock().unwrap().take() } {
                if armed.at == CommitPoint::Before {
                    snap(&mut armed).await;
                    return;
                }
                *stopped.lock().unwrap() = Some(armed);
            }
            if to_server.write_all(&message).await.is_err() {
                return;
            }
        }
    };
    let back = async {
        while let Ok(message) = message(&mut from_server, true).await {
            let ready = message[0] == READY_FOR_QUERY;
            if ready {
                session.lock().unwrap().ready(message[5]);
            }
            let held = stopped.lock().unwrap().is_some();
            if held && ready {
                let mut armed = stopped.lock().unwrap().take().unwrap();
                snap(&mut armed).await;
                return;
            }
            if !held && to_client.write_all(&message).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = there => {}
        () = back => {}
    }
}

/// One message of the protocol, whole.
async fn message(from: &mut (impl AsyncReadExt + Unpin), typed: bool) -> std::io::Result<Vec<u8>> {
    let mut message = vec![0; 4 + usize::from(typed)];
    from.read_exact(&mut message).await?;
    let length = message.last_chunk::<4>().map(|length| u32::from_be_bytes(*length)).unwrap();
    let (head, rest) = (message.len(), usize::try_from(length).unwrap() - 4);
    message.resize(head + rest, 0);
    from.read_exact(&mut message[head..]).await?;
    Ok(message)
}

/// What a connection has said so far, as far as commits go.
#[derive(Default)]
struct Session {
    /// The prepared statements that move an intent.
    moving: BTreeSet<Vec<u8>>,
    in_transaction: bool,
    moved: bool,
}

impl Session {
    /// Whether this message of the client commits the move of an intent: alone, or as the end of a
    /// transaction that has moved one.
    fn commits(&mut self, message: &[u8]) -> bool {
        let mut texts = message[5..].split(|byte| *byte == 0);
        match message[0] {
            b'P' => {
                let (name, sql) =
                    (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
                self.moving.remove(name);
                if MOVES.iter().any(|text| sql.windows(text.len()).any(|window| window == *text)) {
                    self.moving.insert(name.to_vec());
                }
                false
            }
            b'B' => {
                let moves = self.moving.contains(texts.nth(1).unwrap_or_default());
                self.moved |= moves;
                moves && !self.in_transaction
            }
            b'Q' => self.moved && texts.next() == Some(COMMIT),
            _ => false,
        }
    }

    fn ready(&mut self, status: u8) {
        self.in_transaction = status != b'I';
        self.moved &= self.in_transaction;
    }
}

async fn snap(armed: &mut Armed) {
    armed.reached.send_replace(true);
    // A test that forgot its trap lets the connection go.
    let _ = armed.open.wait_for(|open| *open).await;
}

#[test]
fn a_commit_is_known_alone_and_at_the_end_of_its_transaction() {
    let said = |kind: u8, text: &str| [&[kind, 0, 0, 0, 0], text.as_bytes()].concat();
    let mut session = Session::default();
    assert!(!session.commits(&said(
        b'P',
        "s1\0WITH root AS (UPDATE intents) INSERT INTO intent_events VALUES (1)\0"
    )));
    assert!(!session.commits(&said(b'P', "s2\0SELECT 1\0")));
    assert!(!session.commits(&said(b'B', "\0s2\0")) && session.commits(&said(b'B', "\0s1\0")));
    session.ready(b'I');
    assert!(!session.commits(&said(b'Q', "COMMIT\0")), "nothing was moved");
    session.ready(b'T');
    assert!(!session.commits(&said(b'B', "\0s1\0")) && session.commits(&said(b'Q', "COMMIT\0")));
    session.ready(b'I');
    assert!(!session.commits(&said(b'Q', "COMMIT\0")), "it was committed before");
}
