//! The rules for an invite by e-mail address or telephone number.

use super::{AuthError, AuthState, Rule};
use crate::{
    base64,
    json::{Object, Value, write_canonical_members},
    signature::VerifyKey,
};

/// Checks the `third_party_invite` of an invite: a room member left a token with public keys, and the identity
/// server that verified the user signed the token and the user's id with one of them.
///
/// Each signature by an Ed25519 key is tried with each public key.
pub(super) fn check<S: AuthState + ?Sized>(
    state: &S,
    sender: &str,
    target: &str,
    invite: &Value,
) -> Result<(), AuthError> {
    let signed = invite.get("signed").and_then(Value::as_object).ok_or(Rule::ThirdPartyInviteMalformed)?;
    let (Some(user), Some(token)) = (signed.get("mxid"), signed.get("token")) else {
        return Err(Rule::ThirdPartyInviteMalformed.into());
    };
    if user.as_str() != Some(target) {
        return Err(Rule::ThirdPartyInviteOtherUser.into());
    }
    let origin = token.as_str().and_then(|token| state.get("m.room.third_party_invite", token));
    let origin = origin.ok_or(Rule::ThirdPartyInviteUnknown)?;
    if origin.sender() != sender {
        return Err(Rule::ThirdPartyInviteOtherSender.into());
    }
    let mut bytes = Vec::with_capacity(256);
    let members = signed.iter().filter(|(key, _)| !matches!(*key, "signatures" | "unsigned"));
    write_canonical_members(members, &mut bytes);
    let more_keys = origin.content().get("public_keys").and_then(Value::as_array).unwrap_or_default();
    let first_key = origin.content().get("public_key");
    let keys: Vec<VerifyKey> = first_key
        .into_iter()
        .chain(more_keys.iter().filter_map(|key| key.get("public_key")))
        .filter_map(|key| VerifyKey::from_base64(key.as_str()?).ok())
        .collect();
    if signatures(signed).any(|signature| keys.iter().any(|key| key.verifies(&bytes, &signature))) {
        Ok(())
    } else {
        Err(Rule::ThirdPartyInviteSignature.into())
    }
}

/// Every Ed25519 signature of the block, by whichever server.
fn signatures(signed: &Object) -> impl Iterator<Item = Vec<u8>> {
    let servers = signed.get("signatures").and_then(Value::as_object).into_iter().flat_map(Object::iter);
    servers
        .filter_map(|(_, of_server)| of_server.as_object())
        .flat_map(Object::iter)
        .filter(|(key_id, _)| key_id.starts_with("ed25519:"))
        .filter_map(|(_, signature)| base64::decode(signature.as_str()?))
}
