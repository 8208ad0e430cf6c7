//! `turnpike health`: asks a process on this machine how it is, for the health checks of
//! containers, which bring no HTTP client.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use http::{Request, StatusCode, header::HOST};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{output, serve};
use crate::config::Config;

/// A health check that takes longer is a failed one.
const LIMIT: Duration = Duration::from_secs(5);

/// What is asked of whom.
pub struct Question {
    /// Another listener than the operators', e.g. that of `turnpike core`.
    pub at: Option<SocketAddr>,
    /// Whether it can take payments, not only whether it runs.
    pub ready: bool,
}

/// Exit code 0 when it is well, else 1.
pub fn run(config: &Config, question: &Question) -> ExitCode {
    let address = reachable(question.at.unwrap_or(config.server.operator_listen));
    let path = if question.ready { "/readyz" } else { "/healthz" };
    serve::block_on(async {
        let answer = tokio::time::timeout(LIMIT, ask(address, path)).await;
        let (well, said) = match answer {
            // Whoever is not the operators' listener only has to answer: what it serves is for
            // those who may ask.
            Ok(Ok((status, _))) if question.at.is_some() => {
                (!status.is_server_error(), format!("{address} answers {status}"))
            }
            Ok(Ok((status, body))) => (status == StatusCode::OK, format!("{status}: {body}")),
            Ok(Err(error)) => (false, format!("{address}: {error}")),
            Err(_) => (false, format!("{address} does not answer within {} s", LIMIT.as_secs())),
        };
        output::line(&said);
        if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    })
}

async fn ask(
    address: SocketAddr,
    path: &str,
) -> Result<(StatusCode, String), Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let request =
        Request::get(path).header(HOST, address.to_string()).body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    driver.abort();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

/// "All addresses" is where one listens, not where one connects.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        ip if ip.is_unspecified() => {
            SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
        }
        _ => address,
    }
}
