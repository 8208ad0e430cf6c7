//! Bytes on their way to a server: forwarded, delayed, swallowed, cut, or refused.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::moment::Stopwatch;

/// What happens to bytes, of connections that are open already too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weather {
    /// Each piece arrives so much later, in both directions.
    pub delay: Duration,
    /// What the server says never arrives.
    pub swallow_replies: bool,
}

/// The proxy.
pub struct TcpProxy {
    pub address: SocketAddr,
    server: SocketAddr,
    weather: watch::Sender<Weather>,
    running: Mutex<Option<JoinHandle<()>>>,
}

impl TcpProxy {
    /// A proxy before `server`, in good weather.
    pub async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let proxy =
            Self { address, server, weather: watch::Sender::default(), running: Mutex::default() };
        proxy.run(listener);
        proxy
    }

    /// From now on.
    pub fn weather(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Each piece arrives so much later.
    pub fn delay(&self, delay: Duration) {
        self.weather(Weather { delay, ..Weather::default() });
    }

    /// Requests arrive, and nobody hears what became of them.
    pub fn swallow_replies(&self) {
        self.weather(Weather { swallow_replies: true, ..Weather::default() });
    }

    /// Everything arrives at once.
    pub fn calm(&self) {
        self.weather(Weather::default());
    }

    /// Breaks every connection, and refuses new ones.
    pub async fn refuse(&self) {
        let running = self.running.lock().unwrap().take();
        if let Some(task) = running {
            task.abort();
            let _ = task.await;
        }
    }

    /// Breaks every connection; new ones are taken.
    pub async fn cut(&self) {
        self.refuse().await;
        self.accept();
    }

    /// Takes connections again, on the same port.
    pub fn accept(&self) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(self.address).unwrap();
        self.run(socket.listen(1024).unwrap());
    }

    fn run(&self, listener: TcpListener) {
        let task = tokio::spawn(accept(listener, self.server, self.weather.subscribe()));
        *self.running.lock().unwrap() = Some(task);
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        if let Some(task) = self.running.lock().unwrap().take() {
            task.abort();
        }
    }
}

/// Takes connections until it is aborted; they are its own, so they end with it.
async fn accept(listener: TcpListener, server: SocketAddr, weather: watch::Receiver<Weather>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        let weather = weather.clone();
        connections.spawn(async move {
            let Ok(upstream) = TcpStream::connect(server).await else { return };
            // Or each round trip costs an acknowledgement that is delayed, as on no network between
            // a gateway and its database.
            client.set_nodelay(true).and_then(|()| upstream.set_nodelay(true)).unwrap();
            let ((from_client, to_client), (from_server, to_server)) =
                (client.into_split(), upstream.into_split());
            let there = carry(from_client, to_server, weather.clone(), |_| false);
            let back = carry(from_server, to_client, weather, |weather| weather.swallow_replies);
            // Either side's end is the end of the connection.
            tokio::select! {
                () = there => {}
                () = back => {}
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Carries bytes one way. Pieces that are under way do not hold up the reading of later ones.
async fn carry(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    weather: watch::Receiver<Weather>,
    swallowed: impl Fn(Weather) -> bool,
) {
    let (send, mut pieces) = mpsc::unbounded_channel::<(Vec<u8>, Stopwatch, Duration)>();
    let read = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            let now = *weather.borrow();
            if !swallowed(now)
                && send.send((buffer[..count].to_vec(), Stopwatch::start(), now.delay)).is_err()
            {
                return;
            }
        }
    };
    let write = async {
        while let Some((piece, sent, delay)) = pieces.recv().await {
            sleep(delay.saturating_sub(sent.elapsed())).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = read => {}
        () = write => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that says everything again.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        address
    }

    async fn said(stream: &mut TcpStream) -> std::io::Result<String> {
        stream.write_all(b"hello").await?;
        let mut heard = [0; 5];
        stream.read_exact(&mut heard).await?;
        Ok(String::from_utf8_lossy(&heard).into_owned())
    }

    #[tokio::test]
    async fn bytes_are_forwarded_delayed_swallowed_cut_and_refused() {
        let proxy = TcpProxy::start(echo().await).await;
        let mut stream = TcpStream::connect(proxy.address).await.unwrap();
        assert_eq!(said(&mut stream).await.unwrap(), "hello");
        proxy.delay(Duration::from_millis(200));
        let watch = Stopwatch::start();
        assert_eq!(said(&mut stream).await.unwrap(), "hello");
        assert!(
            watch.elapsed() >= Duration::from_millis(400),
            "there and back: {:?}",
            watch.elapsed()
        );
        proxy.swallow_replies();
        let unheard = tokio::time::timeout(Duration::from_millis(300), said(&mut stream)).await;
        assert!(unheard.is_err(), "{unheard:?}");
        proxy.calm();
        proxy.cut().await;
        assert!(said(&mut stream).await.is_err());
        let mut again = TcpStream::connect(proxy.address).await.unwrap();
        assert_eq!(said(&mut again).await.unwrap(), "hello");
        proxy.refuse().await;
        assert!(said(&mut again).await.is_err());
        assert!(TcpStream::connect(proxy.address).await.is_err());
        proxy.accept();
        let mut last = TcpStream::connect(proxy.address).await.unwrap();
        assert_eq!(said(&mut last).await.unwrap(), "hello");
    }
}
