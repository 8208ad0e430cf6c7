//! The signature, judged by the vectors that Stripe's own library made.

use sandbox::stripe::webhook::sign;
use serde_json::Value;

/// What `t` and the `v1`s of a header are, if it has them.
fn parts(header: &str) -> Option<(u64, Vec<&str>)> {
    let pairs: Vec<_> = header.split(',').filter_map(|pair| pair.split_once('=')).collect();
    let at = pairs.iter().find(|(name, _)| *name == "t")?.1.parse().ok()?;
    let signatures: Vec<_> =
        pairs.iter().filter(|(name, _)| *name == "v1").map(|(_, value)| *value).collect();
    (!signatures.is_empty()).then_some((at, signatures))
}

#[test]
fn it_signs_what_stripes_library_accepts_and_nothing_else() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../../tests/vectors/mpp.json")).unwrap();
    let webhook = &vectors["stripe"]["webhook"];
    let secret = webhook["secret"].as_str().unwrap();
    let tolerance_s = webhook["tolerance_s"].as_u64().unwrap();
    let cases = webhook["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 17);
    let (mut accepted, mut refused) = (0, 0);
    for case in cases {
        let Some((at, signatures)) = parts(case["header"].as_str().unwrap()) else { continue };
        if case["now"].as_u64().unwrap().saturating_sub(at) > tolerance_s {
            // Refused for its age alone.
            continue;
        }
        let ours = sign(secret, at, case["body"].as_str().unwrap().as_bytes());
        let ours = ours.strip_prefix(&format!("t={at},v1=")).unwrap();
        let ok = case["ok"].as_bool().unwrap();
        assert_eq!(signatures.contains(&ours), ok, "{}", case["name"]);
        *(if ok { &mut accepted } else { &mut refused }) += 1;
    }
    assert_eq!((accepted, refused), (6, 5));
}
