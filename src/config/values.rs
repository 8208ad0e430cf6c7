//! Values that are checked when they are read: amounts, addresses on a chain, networks.

use std::{fmt::Display, net::IpAddr, str::FromStr};

use alloy_primitives::Address;
use ipnet::IpNet;
use payments::money::{MoneyError, UsdCents, UsdcUnits};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount as people write it, in whole units with decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal<T>(T);

/// USDC; the smallest unit is a millionth.
pub type Usdc = Decimal<UsdcUnits>;
/// US dollars; the smallest unit is a cent.
pub type Usd = Decimal<UsdCents>;

impl Usdc {
    /// From millionths.
    #[must_use]
    pub const fn from_minor(units: u64) -> Self {
        Self(UsdcUnits::new(units))
    }

    /// Millionths: 0.55 USDC is 550000.
    #[must_use]
    pub const fn minor(self) -> u64 {
        self.0.get()
    }
}

impl Usd {
    /// From cents.
    #[must_use]
    pub const fn from_minor(cents: u64) -> Self {
        Self(UsdCents::new(cents))
    }

    /// Cents: 0.60 US dollars are 60.
    #[must_use]
    pub const fn minor(self) -> u64 {
        self.0.get()
    }
}

impl<T: Display> Serialize for Decimal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr<Err = MoneyError>> Deserialize<'de> for Decimal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// An address on an EVM chain, or none. Mixed case must carry the EIP-55 checksum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EvmAddress(pub Option<Address>);

impl Serialize for EvmAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.map_or_else(String::new, |address| address.to_checksum(None));
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for EvmAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Self(None));
        }
        let address = parse_address(&text)
            .map_err(|reason| serde::de::Error::custom(format!("{text:?}: {reason}")))?;
        Ok(Self(Some(address)))
    }
}

/// Reads `0x` and 40 hex digits; one case is accepted as it is, mixed case must match EIP-55.
fn parse_address(text: &str) -> Result<Address, &'static str> {
    let digits = text
        .strip_prefix("0x")
        .filter(|digits| digits.len() == 40)
        .ok_or("expected 0x and 40 hex digits")?;
    let address: Address = text.parse().map_err(|_| "expected 0x and 40 hex digits")?;
    let has = |wanted: fn(&u8) -> bool| digits.as_bytes().iter().any(wanted);
    let mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    if mixed && address.to_checksum(None) != text {
        return Err("the checksum (EIP-55) does not match; is a digit wrong?");
    }
    Ok(address)
}

/// Networks such as `10.0.0.0/8`; a single address is a network of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Whether an address is in one of them. An IPv4 address in IPv6 clothes is an IPv4 address.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl Serialize for Networks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(ToString::to_string))
    }
}

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parse = |text: &String| {
            let single = || text.parse::<IpAddr>().map(IpNet::from);
            text.parse::<IpNet>().or_else(|_| single()).map_err(|_| {
                serde::de::Error::custom(format!("{text:?}: expected a network such as 10.0.0.0/8"))
            })
        };
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(parse).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
        let value = toml::Value::String(text.to_owned());
        value.try_into::<T>().map_err(|error| error.to_string())
    }

    #[test]
    fn addresses() {
        let usdc = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";
        for good in [usdc, &usdc.to_lowercase()] {
            let address: EvmAddress = read(good).unwrap();
            assert_eq!(serde_json::to_value(address).unwrap(), usdc);
        }
        let upper = format!("0x{}", usdc[2..].to_uppercase());
        assert!(read::<EvmAddress>(&upper).is_ok());
        assert_eq!(read::<EvmAddress>("").unwrap(), EvmAddress(None));
        let wrong = usdc.replace("CbD5", "cbD5");
        assert!(read::<EvmAddress>(&wrong).unwrap_err().contains("EIP-55"));
        for bad in [
            "0x1",
            &usdc[2..],
            &format!("{usdc}0"),
            &usdc.replace("0x", "0X"),
            &usdc.replace('7', "g"),
        ] {
            assert!(read::<EvmAddress>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn networks() {
        let list = |texts: &[&str]| toml::Value::from(texts.to_vec()).try_into::<Networks>();
        let networks = list(&["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"]).unwrap();
        for inside in ["10.1.2.3", "192.0.2.1", "::ffff:10.1.2.3", "2001:db8::1"] {
            assert!(networks.contain(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["11.0.0.1", "192.0.2.2", "::1"] {
            assert!(!networks.contain(outside.parse().unwrap()), "{outside}");
        }
        assert!(list(&["everybody"]).unwrap_err().to_string().contains("everybody"));
    }
}
