//! Whose address a request comes from. A forwarded address is believed from a trusted proxy only.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;

use crate::config::Networks;

/// Networks whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Networks);

// === impl TrustedProxies ===

impl TrustedProxies {
    /// From networks or single addresses.
    pub fn new(networks: Networks) -> Self {
        Self(networks)
    }

    /// The client's address: the last one in the chain that is not a trusted proxy.
    pub(super) fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.ip().to_canonical();
        let forwarded: Vec<_> = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        let mut chain = forwarded.iter().flat_map(|line| line.split(',')).map(str::trim).rev();
        while self.trusts(client) {
            match chain.next().and_then(|hop| hop.parse::<IpAddr>().ok()) {
                Some(hop) => client = hop.to_canonical(),
                None => break,
            }
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.contain(address)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_forwarded_address_counts_only_behind_a_trusted_proxy() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "203.0.113.9, 198.51.100.7, 10.0.0.2".parse().unwrap());
        let from = |ip: &str| SocketAddr::new(ip.parse().unwrap(), 1);
        let nobody = TrustedProxies::default();
        assert_eq!(nobody.client(from("10.0.0.1"), &headers), from("10.0.0.1").ip());
        let proxies =
            TrustedProxies::new(serde_json::from_value(serde_json::json!(["10.0.0.0/8"])).unwrap());
        assert_eq!(
            proxies.client(from("10.0.0.1"), &headers),
            from("198.51.100.7").ip(),
            "what the client wrote itself is not believed"
        );
        assert_eq!(proxies.client(from("192.0.2.1"), &headers), from("192.0.2.1").ip());
    }
}
