//! Whether those who had to sign did sign.

use std::{collections::HashMap, num::NonZeroUsize, thread};

use super::{VerifyKey, write_signed_json};
use crate::{
    base64,
    event::Event,
    identifier,
    json::{Object, Value},
    redaction::write_signed_bytes,
    room_version::EventIdFormat,
};

/// A key that a server published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishedKey {
    pub key: VerifyKey,
    /// Until when it may have signed, milliseconds since 1970: `expired_ts` of an old key, else the lesser of
    /// `valid_until_ts` and seven days after it was fetched, which is for the fetcher to compute.
    pub valid_until_ts: i64,
}

/// The keys of servers that the caller found before it verifies.
#[derive(Clone, Debug, Default)]
pub struct KnownKeys(HashMap<Box<str>, HashMap<Box<str>, PublishedKey>>);

/// Why something does not count as signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("not signed by {0}")]
    NotSigned(Box<str>),
    #[error("no valid key is known for the signatures of {0}")]
    NoKey(Box<str>),
    #[error("the signature of {server_name} with {key_id} is wrong")]
    Wrong { server_name: Box<str>, key_id: Box<str> },
    #[error("the user who authorized the join has no server")]
    Authorizer,
}

impl KnownKeys {
    /// Adds a key of a server; of two with the same id the one that is valid longer stays.
    pub fn insert(&mut self, server_name: &str, key_id: &str, key: PublishedKey) {
        let of_server = self.0.entry(server_name.into()).or_default();
        let known = of_server.entry(key_id.into()).or_insert(key);
        if known.valid_until_ts < key.valid_until_ts {
            *known = key;
        }
    }

    /// The key of that server with that id.
    pub fn get(&self, server_name: &str, key_id: &str) -> Option<&PublishedKey> {
        self.0.get(server_name)?.get(key_id)
    }
}

/// The servers that have to have signed an event, each once:
/// <https://spec.matrix.org/v1.19/server-server-api/#validating-hashes-and-signatures-on-received-events>.
///
/// - the sender's, except for an invite that a third-party invite led to;
/// - in versions 1 and 2 that of the event id;
/// - from version 8 that of the user who authorized a restricted join.
///
/// # Errors
/// [`SignatureError::Authorizer`].
pub fn required_servers(event: &Event) -> Result<Vec<&str>, SignatureError> {
    let mut servers = Vec::with_capacity(2);
    let membership = if event.event_type() == "m.room.member" { event.membership() } else { None };
    if membership != Some("invite") || !event.content().contains_key("third_party_invite") {
        servers.push(event.sender_server());
    }
    if event.rules().event_id_format == EventIdFormat::InEvent {
        servers.extend(identifier::server_name(event.event_id()));
    }
    if event.rules().auth.restricted
        && membership == Some("join")
        && let Some(authorizer) = event.content().get("join_authorised_via_users_server")
    {
        let server = authorizer.as_str().and_then(identifier::server_name);
        servers.push(server.ok_or(SignatureError::Authorizer)?);
    }
    servers.sort_unstable();
    servers.dedup();
    Ok(servers)
}

/// The keys, as server name and key id, that [`verify_event`] can make use of: those to look up before it.
///
/// # Errors
/// As [`required_servers`].
pub fn wanted_keys(event: &Event) -> Result<Vec<(&str, &str)>, SignatureError> {
    let servers = required_servers(event)?;
    let of_server = |server_name| ed25519_signatures(event.signatures(), server_name);
    Ok(servers
        .into_iter()
        .flat_map(|server| of_server(server).map(move |(key_id, _)| (server, key_id)))
        .collect())
}

/// Checks every signature that an event needs, in its redacted form.
///
/// A server has signed if at least one of its keys is known and no signature by a known key is wrong. From
/// version 5 a key that was not valid any more at `origin_server_ts` counts as unknown.
///
/// # Errors
/// [`SignatureError`]: the event is to be dropped.
pub fn verify_event(event: &Event, keys: &KnownKeys) -> Result<(), SignatureError> {
    let servers = required_servers(event)?;
    let valid_at_ts = event.rules().enforces_key_validity.then(|| event.origin_server_ts());
    let mut bytes = Vec::with_capacity(1024);
    write_signed_bytes(event.rules(), event.fields(), &mut bytes);
    servers.into_iter().try_for_each(|server| verify(&bytes, event.signatures(), server, keys, valid_at_ts))
}

/// Checks the signature of one server on an object: a request, a key response, an invite's `signed`.
/// <https://spec.matrix.org/v1.19/appendices/#checking-for-a-signature>.
///
/// Keys that were not valid any more at `valid_at_ts` (milliseconds since 1970) count as unknown.
///
/// # Errors
/// [`SignatureError`].
pub fn verify_json(
    object: &Object,
    server_name: &str,
    keys: &KnownKeys,
    valid_at_ts: Option<i64>,
) -> Result<(), SignatureError> {
    let signatures = object.get("signatures").and_then(Value::as_object);
    let signatures = signatures.ok_or_else(|| SignatureError::NotSigned(server_name.into()))?;
    let mut bytes = Vec::with_capacity(1024);
    write_signed_json(object, &mut bytes);
    verify(&bytes, signatures, server_name, keys, valid_at_ts)
}

/// [`verify_event`] for many events, on up to `threads` threads; the answers are in the order of the events.
///
/// Each signature is checked alone: checking a batch of Ed25519 signatures as one accepts some that a check of
/// each refuses, and so would split rooms.
pub fn verify_events(
    events: &[Event],
    keys: &KnownKeys,
    threads: NonZeroUsize,
) -> Vec<Result<(), SignatureError>> {
    /// Starting a thread costs about as much as checking this many signatures.
    const EVENTS_PER_THREAD: usize = 8;
    let share = events.len().div_ceil(threads.get()).max(EVENTS_PER_THREAD);
    let verify_share =
        |events: &[Event]| events.iter().map(|event| verify_event(event, keys)).collect::<Vec<_>>();
    if share >= events.len() {
        return verify_share(events);
    }
    let mut answers = Vec::with_capacity(events.len());
    thread::scope(|scope| {
        let workers: Vec<_> =
            events.chunks(share).map(|share| scope.spawn(move || verify_share(share))).collect();
        for worker in workers {
            match worker.join() {
                Ok(of_share) => answers.extend(of_share),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    answers
}

fn ed25519_signatures<'a>(
    signatures: &'a Object,
    server_name: &str,
) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let of_server = signatures.get(server_name).and_then(Value::as_object);
    of_server.into_iter().flat_map(Object::iter).filter(|(key_id, _)| key_id.starts_with("ed25519:"))
}

fn verify(
    bytes: &[u8],
    signatures: &Object,
    server_name: &str,
    keys: &KnownKeys,
    valid_at_ts: Option<i64>,
) -> Result<(), SignatureError> {
    let mut signed = Err(SignatureError::NotSigned(server_name.into()));
    for (key_id, signature) in ed25519_signatures(signatures, server_name) {
        let known = keys.get(server_name, key_id);
        let Some(known) = known.filter(|known| valid_at_ts.is_none_or(|ts| known.valid_until_ts >= ts))
        else {
            if signed.is_err() {
                signed = Err(SignatureError::NoKey(server_name.into()));
            }
            continue;
        };
        let signature = signature.as_str().and_then(base64::decode);
        if !signature.is_some_and(|signature| known.key.verifies(bytes, &signature)) {
            return Err(SignatureError::Wrong { server_name: server_name.into(), key_id: key_id.into() });
        }
        signed = Ok(());
    }
    signed
}
