//! A Redis server of a test's own, behind a proxy.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::child::{Tethered, free_port};
use super::client::Call;
use super::gateway::Gateway;
use super::moment::eventually;
use super::tcp_proxy::TcpProxy;

const START_LIMIT: Duration = Duration::from_secs(20);

/// The server; the gateway reaches it through the proxy, the test directly.
pub struct Redis {
    pub proxy: TcpProxy,
    address: SocketAddr,
    // Before its directory: it ends before that goes.
    process: Option<Tethered>,
    dir: TempDir,
}

impl Redis {
    /// An empty server.
    pub async fn start() -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let dir = TempDir::new().unwrap();
        let mut redis = Self { proxy: TcpProxy::start(address).await, address, process: None, dir };
        redis.up().await;
        redis
    }

    /// What a gateway is told.
    pub fn url(&self) -> String {
        format!("redis://{}", self.proxy.address)
    }

    /// Starts the server, which remembers nothing.
    pub async fn up(&mut self) {
        let mut command = Command::new("redis-server");
        command.args(["--port", &self.address.port().to_string(), "--bind", "127.0.0.1"]);
        command.args(["--save", "", "--appendonly", "no"]).current_dir(self.dir.path());
        self.process = Some(Tethered::start(command, &self.dir.path().join("redis.log")));
        let address = self.address;
        eventually("redis-server answers", START_LIMIT, || async move {
            ask(address, &["PING"]).await.map(drop)
        })
        .await;
    }

    /// SIGKILL.
    pub fn kill9(&mut self) {
        self.process.take().unwrap().kill9();
    }

    /// Says something to it; the answer as it comes over the wire.
    pub async fn say(&self, words: &[&str]) -> String {
        ask(self.address, words).await.unwrap()
    }

    /// Forgets everything.
    pub async fn flush(&self) {
        assert_eq!(self.say(&["FLUSHALL"]).await, "+OK\r\n");
    }

    /// The keys of one kind.
    pub async fn keys(&self, kind: &str) -> Vec<String> {
        let answer = self.say(&["KEYS", &format!("turnpike:{kind}*")]).await;
        answer.lines().filter(|line| line.starts_with("turnpike:")).map(str::to_owned).collect()
    }
}

/// The words as a Redis command, and one read of what is answered.
async fn ask(address: SocketAddr, words: &[&str]) -> Result<String, String> {
    let text = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(address).await.map_err(text)?;
    let mut command = format!("*{}\r\n", words.len());
    for word in words {
        command += &format!("${}\r\n{word}\r\n", word.len());
    }
    stream.write_all(command.as_bytes()).await.map_err(text)?;
    let mut answer = vec![0; 64 * 1024];
    let count = stream.read(&mut answer).await.map_err(text)?;
    let answer = String::from_utf8_lossy(&answer[..count]).into_owned();
    if answer.starts_with('-') { Err(answer) } else { Ok(answer) }
}

/// Waits until readiness says this of the cache: `ok`, or `degraded` and why. Payments can be taken
/// all the while.
pub async fn cache_is(gateway: &Gateway, word: &str) {
    eventually(&format!("the cache is {word}"), Duration::from_secs(20), || async {
        let reply = Call::get("/readyz").send(gateway.operator).await.must(200).json();
        assert_eq!(
            (&reply["ready"], &reply["degraded"]),
            (
                &Value::from(true),
                &Value::from(!reply["checks"]["cache"].as_str().unwrap().starts_with("ok"))
            )
        );
        let said = reply["checks"]["cache"].as_str().unwrap().to_owned();
        if said.starts_with(word) { Ok(()) } else { Err(said) }
    })
    .await;
}
