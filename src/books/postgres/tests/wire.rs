//! A listener in front of the server that reads along what a client asks, and can be silenced.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::AbortHandle,
};

use super::{Scratch, server};

/// What was asked, one text per round trip that somebody waited for.
#[derive(Clone, Default)]
pub(super) struct Heard {
    trips: Arc<Mutex<Vec<String>>>,
    silent: Arc<AtomicBool>,
}

pub(super) struct Wire {
    pub(super) heard: Heard,
    port: u16,
    listener: AbortHandle,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

// === impl Heard ===

impl Heard {
    /// What was asked since the last time.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.trips.lock().unwrap())
    }

    /// From now on nothing passes any more, and nothing is closed.
    pub(super) fn silence(&self) {
        self.silent.store(true, Ordering::SeqCst);
    }

    async fn pass(&self) {
        while self.silent.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

// === impl Wire ===

impl Wire {
    pub(super) async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, heard) = (listener.local_addr().unwrap().port(), Heard::default());
        let ear = heard.clone();
        let listener = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connect(client, ear.clone()));
            }
        });
        Self { heard, port, listener: listener.abort_handle() }
    }

    pub(super) fn url(&self, scratch: &Scratch) -> String {
        let through = url::parts(&scratch.url());
        format!("postgres://{}@127.0.0.1:{}/{}?sslmode=disable", through.0, self.port, through.1)
    }
}

/// See `connect::stands_alone`.
const THE_POOLS_LOOK: &str = "statement_timestamp()";

mod url {
    /// The user and the database.
    pub(super) fn parts(url: &str) -> (String, String) {
        let rest = url.strip_prefix("postgres://").unwrap();
        let (user, place) = rest.split_once('@').unwrap();
        (user.to_owned(), place.rsplit_once('/').unwrap().1.to_owned())
    }
}

async fn connect(client: TcpStream, heard: Heard) {
    let address = server().rsplit_once('@').unwrap().1.to_owned();
    let server = TcpStream::connect(address).await.unwrap();
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let ((from_client, mut to_client), (mut from_server, to_server)) =
        (client.into_split(), server.into_split());
    tokio::spawn(async move { copy(&mut from_server, &mut to_client).await });
    forward(from_client, to_server, heard).await;
}

/// Passes on message by message. A statement that is bound counts when it is synchronised. The pool
/// looks at a connection that was given back, by a statement of its own and a bare synchronisation:
/// nobody waits for either.
async fn forward(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    heard: Heard,
) -> Option<()> {
    let mut statements: HashMap<String, String> = HashMap::new();
    let mut asked: Option<String> = None;
    let mut started = false;
    loop {
        let kind = if started { Some(client.read_u8().await.ok()?) } else { None };
        let length = client.read_u32().await.ok()?;
        let mut body = vec![0; usize::try_from(length).unwrap() - 4];
        client.read_exact(&mut body).await.ok()?;
        heard.pass().await;
        started = true;
        let mut texts =
            body.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned());
        let (first, second) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
        match kind {
            Some(b'P') => {
                statements.insert(first, second.clone());
                asked = Some(format!("PREPARE {second}"));
            }
            Some(b'B') => asked = statements.get(&second).cloned(),
            Some(b'Q') if first.contains(THE_POOLS_LOOK) => {}
            Some(b'Q') => heard.trips.lock().unwrap().push(first),
            Some(b'S') => heard.trips.lock().unwrap().extend(asked.take()),
            _ => {}
        }
        if let Some(kind) = kind {
            server.write_u8(kind).await.ok()?;
        }
        server.write_u32(length).await.ok()?;
        server.write_all(&body).await.ok()?;
    }
}
