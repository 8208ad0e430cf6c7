//! The sockets that a gateway listens on.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::error::AppError;

pub(super) async fn listener(address: SocketAddr) -> Result<TcpListener, AppError> {
    TcpListener::bind(address).await.map_err(|source| AppError::Listen { address, source })
}

pub(super) fn address(listener: &TcpListener) -> Result<SocketAddr, AppError> {
    let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
    listener.local_addr().map_err(|source| AppError::Listen { address: unspecified, source })
}
