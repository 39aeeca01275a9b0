//! Ranges of addresses, for the lists of what may and may not be asked.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::definition::Kind;
use crate::setting::{Setting, Sink};
use crate::yaml::Node;

/// An address or a range of addresses (`10.0.0.0/8`, `::1`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpRange {
    address: IpAddr,
    prefix: u8,
}

impl IpRange {
    /// Reads an address or a range in CIDR notation.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => most,
            Some(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok()?,
            Some(_) => return None,
        };
        (prefix <= most).then_some(Self { address, prefix })
    }

    /// Whether an address is in the range. An IPv4 range also holds the IPv6 addresses that carry such an
    /// address: IPv4-mapped, IPv4-compatible and 6to4 (RFC 4291, RFC 3056), as in Synapse.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(range), IpAddr::V4(address)) => self.holds_v4(range, address),
            (IpAddr::V6(range), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.prefix);
                let mask = u128::MAX.checked_shl(shift).unwrap_or(0);
                range.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V4(range), IpAddr::V6(address)) => {
                carried(address).into_iter().flatten().any(|address| self.holds_v4(range, address))
            }
            (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    fn holds_v4(&self, range: Ipv4Addr, address: Ipv4Addr) -> bool {
        let shift = 32_u32.saturating_sub(u32::from(self.prefix));
        let mask = u32::MAX.checked_shl(shift).unwrap_or(0);
        range.to_bits() & mask == address.to_bits() & mask
    }
}

/// The IPv4 address inside an IPv6 address: of the mapped or compatible form, and of 6to4.
fn carried(address: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let bits = address.to_bits();
    #[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
    let low = Ipv4Addr::from_bits(bits as u32);
    let embedded = (bits >> 32 == 0xffff || bits >> 32 == 0).then_some(low);
    let [first, second, third, ..] = address.segments();
    let six_to_four =
        (first == 0x2002).then(|| Ipv4Addr::from_bits(u32::from(second) << 16 | u32::from(third)));
    [embedded, six_to_four]
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl Default for IpRange {
    fn default() -> Self {
        Self { address: IpAddr::V6(Ipv6Addr::UNSPECIFIED), prefix: 128 }
    }
}

impl Setting for IpRange {
    fn kind() -> Kind {
        Kind::Text
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        let range = node.as_text().and_then(Self::parse);
        range.or_else(|| sink.expected(node, "an address or a range like 10.0.0.0/8 or fd00::/8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn range_of_ipv4_also_holds_ipv6_forms_of_it() {
        let range = IpRange::parse("127.0.0.0/8").unwrap();
        for inside in ["127.0.0.1", "::ffff:127.0.0.1", "::127.0.0.1", "2002:7f00:1::"] {
            assert!(range.contains(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["128.0.0.1", "::ffff:8.8.8.8", "fe80::1"] {
            assert!(!range.contains(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn whole_and_single_ranges_work() {
        assert!(IpRange::parse("0.0.0.0/0").unwrap().contains("8.8.8.8".parse().unwrap()));
        assert!(IpRange::parse("::/0").unwrap().contains("fe80::1".parse().unwrap()));
        assert!(!IpRange::parse("::1").unwrap().contains("::2".parse().unwrap()));
    }

    #[test]
    fn malformed_ranges_are_refused() {
        for text in ["10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/+8", "", "/8", "host"] {
            assert_eq!(IpRange::parse(text), None, "{text}");
        }
    }
}
