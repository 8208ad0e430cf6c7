//! A Redis server of a test's own.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use redis::Client;

/// A running server; it ends with this handle, and with this process.
pub struct Server {
    port: u16,
    // Its standard input closes when this process ends, however it ends; then the shell ends the
    // server.
    shell: Child,
}

impl Server {
    /// Starts a server on a free port and waits until it answers.
    pub async fn start() -> Self {
        // Somebody may take the port before the server does: then another one.
        for _ in 0..20 {
            let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
            let script = format!(
                "redis-server --port {port} --bind 127.0.0.1 --save '' --appendonly no --loglevel warning & server=$!; cat; kill -9 $server"
            );
            let shell = Command::new("sh")
                .arg("-c")
                .arg(script)
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            let server = Self { port, shell };
            if server.answers().await {
                return server;
            }
        }
        panic!("redis-server does not start; install it (apt-get install redis-server)");
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Says something to it directly.
    pub async fn say<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let mut connection =
            Client::open(self.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
        let mut command = redis::cmd(words[0]);
        for word in &words[1..] {
            command.arg(word);
        }
        command.query_async(&mut connection).await.unwrap()
    }

    async fn answers(&self) -> bool {
        for _ in 0..100 {
            if let Ok(mut connection) =
                Client::open(self.url()).unwrap().get_multiplexed_async_connection().await
            {
                let pid: Result<String, _> = redis::cmd("PING").query_async(&mut connection).await;
                return pid.is_ok();
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
