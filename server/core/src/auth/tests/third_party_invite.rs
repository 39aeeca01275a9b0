use serde_json::Value as Json;

use super::*;
use crate::{
    json::Object,
    signature::{SigningKey, sign_json},
};

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed("0", &[seed; 32]).unwrap()
}

/// A room in which MOD invited an address; the token's keys are 1 and, in the list, 2.
fn room(version: RoomVersion) -> Room {
    let mut room = Room::public(version);
    let content = json!({
        "public_key": key(1).verify_key().to_base64(),
        "public_keys": [{"public_key": "no key"}, {"public_key": key(2).verify_key().to_base64()}],
    });
    room.put(MOD, "m.room.third_party_invite", "token", &content);
    room
}

/// What the identity server signed.
fn signed(user: &str, token: &str, seed: u8) -> Json {
    let mut object = Object::from_iter([("mxid", user), ("token", token)]);
    sign_json(&mut object, "identity.example", &key(seed));
    let mut text = Vec::new();
    crate::json::write_canonical(&object.into(), &mut text);
    serde_json::from_slice(&text).unwrap()
}

fn invite(room: &Room, sender: &str, target: &str, third_party_invite: &Json) -> Result<(), Rule> {
    let content = json!({"membership": "invite", "third_party_invite": third_party_invite});
    room.state(sender, "m.room.member", target, &content)
}

#[test]
fn a_signature_by_any_key_of_the_token_invites() {
    for version in RoomVersion::ALL {
        for seed in [1, 2] {
            let block = json!({"signed": signed(STRANGER, "token", seed)});
            assert_eq!(invite(&room(version), MOD, STRANGER, &block), Ok(()), "version {version}");
        }
        let block = json!({"signed": signed(STRANGER, "token", 3)});
        assert_eq!(invite(&room(version), MOD, STRANGER, &block), Err(Rule::ThirdPartyInviteSignature));
    }
}

#[test]
fn one_good_signature_among_bad_ones_is_enough() {
    let mut block = signed(STRANGER, "token", 3);
    let mut good = signed(STRANGER, "token", 2);
    block["signatures"]["later.example"] = good["signatures"]["identity.example"].take();
    assert_eq!(invite(&room(V11), MOD, STRANGER, &json!({"signed": block})), Ok(()));
}

#[test]
fn the_sender_need_not_be_a_member() {
    let mut room = room(V11);
    room.set_membership(MOD, "leave");
    assert_eq!(invite(&room, MOD, STRANGER, &json!({"signed": signed(STRANGER, "token", 1)})), Ok(()));
}

#[test]
fn a_banned_user_is_not_invited() {
    let mut room = room(V11);
    room.set_membership(STRANGER, "ban");
    let block = json!({"signed": signed(STRANGER, "token", 1)});
    assert_eq!(invite(&room, MOD, STRANGER, &block), Err(Rule::InviteTargetBanned));
}

#[test]
fn a_malformed_block_is_refused() {
    for block in [
        json!(null),
        json!({}),
        json!({"signed": 1}),
        json!({"signed": {"token": "token"}}),
        json!({"signed": {"mxid": STRANGER}}),
    ] {
        assert_eq!(
            invite(&room(V11), MOD, STRANGER, &block),
            Err(Rule::ThirdPartyInviteMalformed),
            "{block}"
        );
    }
    let unsigned = json!({"signed": {"mxid": STRANGER, "token": "token"}});
    assert_eq!(invite(&room(V11), MOD, STRANGER, &unsigned), Err(Rule::ThirdPartyInviteSignature));
}

#[test]
fn a_block_counts_for_its_user_token_and_sender() {
    let room = room(V11);
    let block = |user, token| json!({"signed": signed(user, token, 1)});
    assert_eq!(invite(&room, MOD, STRANGER, &block(OTHER, "token")), Err(Rule::ThirdPartyInviteOtherUser));
    assert_eq!(invite(&room, MOD, STRANGER, &block(STRANGER, "other")), Err(Rule::ThirdPartyInviteUnknown));
    assert_eq!(
        invite(&room, ADMIN, STRANGER, &block(STRANGER, "token")),
        Err(Rule::ThirdPartyInviteOtherSender)
    );
}

#[test]
fn a_changed_block_is_refused() {
    let mut block = signed(STRANGER, "token", 1);
    block["more"] = json!(true);
    let result = invite(&room(V11), MOD, STRANGER, &json!({"signed": block}));
    assert_eq!(result, Err(Rule::ThirdPartyInviteSignature));
}
