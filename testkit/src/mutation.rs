//! Bytes that are nearly right: what parsers are tried on.

use crate::sim::rng::Rng;

/// One of the corpus with a few changes at random places: bits, bytes, pieces doubled, dropped, or
/// taken from another input.
pub fn mutated(rng: &mut Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    const WORDS: [&[u8]; 12] = [
        b"0",
        b"-1",
        b"\"",
        b"}",
        b"{",
        b"null",
        b"1e9",
        b"\xff\xfe",
        b"\0",
        b"=",
        b"0x",
        b"\\u0000",
    ];
    let mut bytes = corpus[rng.index(corpus.len())].clone();
    for _ in 0..1 + rng.below(4) {
        let at = rng.index(bytes.len().max(1)).min(bytes.len());
        match rng.below(8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
            1 if at < bytes.len() => bytes[at] = rng.pick(b"0123456789abcdefABCDEFx\"{}[]:,._- \n"),
            2 => drop(bytes.drain(at..(at + rng.index(40)).min(bytes.len()))),
            3 => bytes.truncate(at),
            4 => drop(bytes.splice(at..at, rng.pick(&WORDS).iter().copied())),
            5 => {
                let piece = bytes[at..(at + rng.index(60)).min(bytes.len())].to_vec();
                drop(bytes.splice(at..at, piece));
            }
            6 => {
                let other = &corpus[rng.index(corpus.len())];
                let from = rng.index(other.len().max(1)).min(other.len());
                bytes.splice(at.., other[from..].iter().copied());
            }
            _ => bytes.insert(at, u8::try_from(rng.below(256)).unwrap()),
        }
    }
    bytes
}
