use super::*;

/// A message as a client and a server write it.
const MESSAGE: &[u8] = br#"{"auth_events":["$WbXOPkBgSn0lLdXyTYnpQxZTsRXYWPlXlnvJFn7YZyI","$Yc6zcOFsKtC4mc1XgFlHKrSpNNqKUXkY5RVJGsVsWwM"],"content":{"body":"See you tomorrow","msgtype":"m.text"},"depth":42,"hashes":{"sha256":"2QWQZBFy6pJcEd5PpmUfBmwIhVrEGeJrcgfQRIVVkHc"},"origin_server_ts":1790000000000,"prev_events":["$kcRuEdXUHVpXbc8j5cVkYkvXfTkCkRwBKXGy2ZpLuLk"],"room_id":"!n8f893n9:example.org","sender":"@anna:example.org","signatures":{"example.org":{"ed25519:a_Fdsb":"K2QwMCdDmFe8dgkdlvUBSbPcZ7tIYf1gU3mMfkeJKUs1UP5cBIZGkcBYQ4LJrEwgDHvvUVYSWxGCFUqGgJVDCg"}},"type":"m.room.message"}"#;

#[test]
fn a_text_takes_less_than_two_thirds_of_its_length() {
    let texts = EventTexts::default();
    let packed = texts.pack(MESSAGE).unwrap();
    assert!(packed.len() * 3 < MESSAGE.len() * 2, "{} of {}", packed.len(), MESSAGE.len());
    assert_eq!(texts.unpack(packed).unwrap(), MESSAGE);
}

/// What was written by the first release is read by each later one.
#[test]
fn a_text_that_was_packed_long_ago_is_read() {
    let packed = include_bytes!("../../../dictionaries/message-32768.zst").to_vec();
    assert_eq!(EventTexts::default().unpack(packed).unwrap(), MESSAGE);
}

#[test]
fn texts_of_any_length_and_bytes_come_back() {
    let texts = EventTexts::default();
    for length in [0, 1, 2, 255, 256, 65_535, 70_000_u64] {
        let text: Vec<u8> = (0..length).map(|at| (at * at % 251) as u8).collect();
        assert_eq!(texts.unpack(texts.pack(&text).unwrap()).unwrap(), text);
    }
}

#[test]
fn a_text_from_before_packing_is_read() {
    assert_eq!(EventTexts::default().unpack(MESSAGE.to_vec()).unwrap(), MESSAGE);
}

#[test]
fn a_damaged_text_is_an_error() {
    let texts = EventTexts::default();
    let packed = texts.pack(MESSAGE).unwrap();
    for stored in [&[][..], b"(", &packed[..packed.len() - 1], &packed[1..]] {
        let error = texts.unpack(stored.to_vec()).unwrap_err();
        assert!(matches!(error, StorageError::Inconsistent(_)), "{error}");
    }
}

/// A length of 4 GiB in the frame asks for no memory.
#[test]
fn a_length_that_no_event_has_is_refused() {
    let mut stored = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    stored.extend(u32::MAX.to_le_bytes());
    let error = EventTexts::default().unpack(stored).unwrap_err();
    assert!(error.to_string().contains("how long"), "{error}");
}

#[test]
fn threads_pack_at_the_same_time() {
    let texts = EventTexts::default();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    assert_eq!(texts.unpack(texts.pack(MESSAGE).unwrap()).unwrap(), MESSAGE);
                }
            });
        }
    });
    assert!(texts.packers.lock().unwrap().len() <= 4);
}
