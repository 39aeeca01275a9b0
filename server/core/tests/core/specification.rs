//! The specification's own test vectors: <https://spec.matrix.org/v1.19/appendices/#cryptographic-test-vectors> and
//! <https://spec.matrix.org/v1.19/appendices/#canonical-json>.

use myelin_core::{
    RoomVersion, base64, hash,
    json::{self, Object, ParseError, Strictness, Value},
    signature::{SigningKey, sign_event, sign_json},
};

fn key() -> SigningKey {
    let seed = base64::decode("YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1").expect("base64");
    SigningKey::from_seed("1", &seed.try_into().expect("32 bytes")).expect("a key")
}

fn object(text: &str) -> Object {
    match json::parse(text.as_bytes(), Strictness::Strict, 1 << 20).expect("JSON") {
        Value::Object(object) => object,
        other => panic!("not an object: {other:?}"),
    }
}

fn canonical(text: &str) -> String {
    let value = json::parse(text.as_bytes(), Strictness::Strict, 1 << 20).expect("JSON");
    String::from_utf8(json::canonical(&value)).expect("UTF-8")
}

fn signature<'a>(object: &'a Object, server_name: &str) -> &'a str {
    let signature =
        object.get("signatures").and_then(|signatures| signatures.get(server_name)?.get("ed25519:1"));
    signature.and_then(Value::as_str).expect("a signature")
}

#[test]
fn canonical_json_examples_agree() {
    for (text, expected) in [
        ("{}", "{}"),
        (r#"{ "one": 1, "two": "Two" }"#, r#"{"one":1,"two":"Two"}"#),
        (r#"{ "b": "2", "a": "1" }"#, r#"{"a":"1","b":"2"}"#),
        (r#"{"b":"2","a":"1"}"#, r#"{"a":"1","b":"2"}"#),
        (
            r#"{"auth": {"success": true, "mxid": "@john.doe:example.com", "profile": {"display_name": "John Doe",
                "three_pids": [{"medium": "email", "address": "john.doe@example.org"},
                {"medium": "msisdn", "address": "123456789"}]}}}"#,
            concat!(
                r#"{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":["#,
                r#"{"address":"john.doe@example.org","medium":"email"},{"address":"123456789","medium":"msisdn"}"#,
                r#"]},"success":true}}"#
            ),
        ),
        (r#"{ "a": "日本語" }"#, r#"{"a":"日本語"}"#),
        (r#"{ "本": 2, "日": 1 }"#, r#"{"日":1,"本":2}"#),
        (r#"{ "a": "\u65E5" }"#, r#"{"a":"日"}"#),
        (r#"{ "a": null }"#, r#"{"a":null}"#),
        (r#"{ "a": -0 }"#, r#"{"a":0}"#),
    ] {
        assert_eq!(canonical(text), expected);
    }
}

/// The last example turns `1e10` into an integer. In events it is none: "Numbers in the JSON must be integers,
/// represented without exponents", which servers enforce from version 6, as Synapse does (docs/canonical-json.md).
#[test]
fn an_exponent_is_refused_from_version_6_and_a_float_before() {
    let text = br#"{"b":1e10}"#;
    assert_eq!(json::parse(text, Strictness::Strict, 100), Err(ParseError::Number(5)));
    let lenient = json::parse(text, Strictness::Lenient, 100).expect("JSON");
    assert_eq!(json::canonical(&lenient), br#"{"b":10000000000.0}"#);
}

#[test]
fn signed_json_agrees() {
    let mut empty = Object::new();
    sign_json(&mut empty, "domain", &key());
    assert_eq!(
        signature(&empty, "domain"),
        "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ"
    );
    let mut data = object(r#"{"one":1,"two":"Two"}"#);
    sign_json(&mut data, "domain", &key());
    assert_eq!(
        signature(&data, "domain"),
        "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw"
    );
}

#[test]
fn signed_events_agree() {
    let minimal = r#"{"room_id":"!x:domain","sender":"@a:domain","origin":"domain","origin_server_ts":1000000,
        "signatures":{},"hashes":{},"type":"X","content":{},"prev_events":[],"auth_events":[],"depth":3,
        "unsigned":{"age_ts":1000000}}"#;
    let redactable = r#"{"content":{"body":"Here is the message content"},"event_id":"$0:domain","origin":"domain",
        "origin_server_ts":1000000,"type":"m.room.message","room_id":"!r:domain","sender":"@u:domain",
        "signatures":{},"unsigned":{"age_ts":1000000}}"#;
    for (text, expected_hash, expected_signature) in [
        (
            minimal,
            "5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos",
            "KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg",
        ),
        (
            redactable,
            "onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g",
            "Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA",
        ),
    ] {
        let mut event = object(text);
        let content_hash = base64::encode(&hash::content_hash(&event));
        assert_eq!(content_hash, expected_hash);
        event.insert("hashes", Object::from_iter([("sha256", content_hash)]));
        sign_event(RoomVersion::V1.rules(), &mut event, "domain", &key());
        assert_eq!(signature(&event, "domain"), expected_signature);
    }
}
