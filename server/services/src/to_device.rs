//! Messages from device to device: <https://spec.matrix.org/v1.19/client-server-api/#send-to-device-messaging>.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use myelin_config::RateLimit;
use myelin_storage::{
    StorageError, Store, WriteTxn, devices,
    to_device::{self, Delivery},
};
use ruma::{OwnedDeviceId, OwnedServerName, OwnedUserId, UserId};
use serde_json::value::RawValue;

use crate::{
    clock::Clock,
    notify::Notifier,
    ratelimit::{LimitExceeded, RateLimiter},
    session::Requester,
};

/// Bytes of the content of one message at most, as in Synapse: more cannot be sent to another server.
pub const MAX_CONTENT_BYTES: usize = 65_536;

/// Devices that one request may reach.
pub const MAX_DEVICES: usize = 10_000;

/// Bytes that one request may store: `*` and many devices multiply what was sent.
pub const MAX_STORED_BYTES: usize = 32 * 1024 * 1024;

/// Bytes of an event type or a transaction id at most.
pub const MAX_NAME_BYTES: usize = 255;

/// What a user may send: each message counts by [`to_device::units`]. A client that shares the key of a room sends one to
/// every device in it, within seconds: the burst is three devices for each member of five rooms of two thousand, and
/// more than one request can hold. What drains is far above what anybody goes on sending for hours.
const SEND_LIMIT: RateLimit = RateLimit { per_second: 50.0, burst_count: 30_000 };

/// A transaction id is remembered this long.
const TRANSACTION_LIFETIME_MS: i64 = 24 * 60 * 60 * 1000;

/// What stands for all devices of a user.
const ALL_DEVICES: &str = "*";

/// The contents to send, by user and device.
pub type Messages = BTreeMap<String, BTreeMap<String, Box<RawValue>>>;

/// Why messages are not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendToDeviceError {
    /// A content is not a JSON object.
    #[error("the message for {user_id} is not an object")]
    NotAnObject { user_id: String },
    /// The type or the transaction id is longer than [`MAX_NAME_BYTES`] or has a character that cannot be stored.
    #[error("the event type or the transaction id is not valid")]
    InvalidName,
    /// One of the bounds above.
    #[error("the messages are too large or too many")]
    TooLarge,
    /// The user has sent too many of late.
    #[error(transparent)]
    LimitExceeded(#[from] LimitExceeded),
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

/// Sends messages to devices. Cheap to clone.
#[derive(Clone)]
pub struct ToDevice(Arc<Shared>);

struct Shared {
    store: Store,
    clock: Clock,
    notifier: Notifier,
    server_name: OwnedServerName,
    key_requests: RateLimiter<(OwnedUserId, Option<OwnedDeviceId>)>,
    sends: RateLimiter<OwnedUserId>,
}

impl ToDevice {
    /// For the users of this server. `key_requests` is Synapse's `rc_key_requests`.
    pub fn new(
        store: Store,
        clock: Clock,
        notifier: Notifier,
        server_name: OwnedServerName,
        key_requests: RateLimit,
    ) -> Self {
        let key_requests = RateLimiter::new(key_requests, clock.clone());
        let sends = RateLimiter::new(SEND_LIMIT, clock.clone());
        Self(Arc::new(Shared { store, clock, notifier, server_name, key_requests, sends }))
    }

    /// Sends a message to each of the devices, once for each transaction id. Who does not exist gets none.
    ///
    /// # Errors
    /// [`SendToDeviceError`]; nothing is sent then.
    pub async fn send(
        &self,
        requester: &Requester,
        event_type: &str,
        transaction_id: &str,
        messages: &Messages,
    ) -> Result<(), SendToDeviceError> {
        check_name(event_type)?;
        check_name(transaction_id)?;
        let shared = &self.0;
        shared.sends.check(&requester.user_id)?;
        let recipients = self.local_recipients(requester, event_type, messages)?;
        let now_ts = shared.clock.now_ts();
        let mut txn = shared.store.write("to_device::send").await?;
        let is_new = to_device::insert_transaction(
            &mut txn,
            &requester.user_id,
            requester.device_id.as_deref(),
            event_type,
            transaction_id,
            now_ts,
            now_ts + TRANSACTION_LIFETIME_MS,
        )
        .await?;
        if !is_new {
            return Ok(());
        }
        let deliveries = deliver(&mut txn, &recipients).await?;
        let units: u32 = deliveries.iter().map(|delivery| to_device::units(delivery.content)).sum();
        shared.sends.record_many(requester.user_id.clone(), units.max(1))?;
        let position = txn.next_position().await?;
        to_device::insert(&mut txn, &requester.user_id, event_type, &deliveries, position).await?;
        let reached: BTreeSet<&UserId> = deliveries.iter().map(|delivery| &*delivery.user_id).collect();
        for user_id in reached {
            shared.notifier.wake_user_after(&mut txn, user_id, position);
        }
        txn.commit().await?;
        Ok(())
    }

    /// The users of this server among the recipients, after the checks that need no database.
    fn local_recipients<'a>(
        &self,
        requester: &Requester,
        event_type: &str,
        messages: &'a Messages,
    ) -> Result<HashMap<OwnedUserId, &'a BTreeMap<String, Box<RawValue>>>, SendToDeviceError> {
        let mut recipients = HashMap::new();
        for (user_id, by_device) in messages {
            for content in by_device.values() {
                if !content.get().starts_with('{') {
                    return Err(SendToDeviceError::NotAnObject { user_id: user_id.clone() });
                }
                if content.get().len() > MAX_CONTENT_BYTES {
                    return Err(SendToDeviceError::TooLarge);
                }
            }
            // Synapse ignores what is no user id too. There is no way to other servers yet.
            let Ok(user_id) = UserId::parse(user_id) else { continue };
            if user_id.server_name() != self.0.server_name || by_device.is_empty() {
                continue;
            }
            if event_type == "m.room_key_request" && user_id != requester.user_id {
                let sender = (requester.user_id.clone(), requester.device_id.clone());
                if self.0.key_requests.record(sender).is_err() {
                    tracing::debug!(user.id = %requester.user_id, "a request for room keys is over the limit");
                    continue;
                }
            }
            recipients.insert(user_id, by_device);
        }
        Ok(recipients)
    }
}

/// Finds the devices that there are.
async fn deliver<'a>(
    txn: &mut WriteTxn,
    recipients: &HashMap<OwnedUserId, &'a BTreeMap<String, Box<RawValue>>>,
) -> Result<Vec<Delivery<'a>>, SendToDeviceError> {
    let users: Vec<&UserId> = recipients.keys().map(|user_id| &**user_id).collect();
    let mut deliveries = Vec::new();
    let mut size_bytes = 0;
    for (user_id, device_id) in devices::list_ids(txn, &users).await? {
        let Some(by_device) = recipients.get(&user_id) else { continue };
        let Some(content) = by_device.get(device_id.as_str()).or_else(|| by_device.get(ALL_DEVICES)) else {
            continue;
        };
        size_bytes += content.get().len();
        deliveries.push(Delivery { user_id, device_id, content: content.get() });
        if deliveries.len() > MAX_DEVICES || size_bytes > MAX_STORED_BYTES {
            return Err(SendToDeviceError::TooLarge);
        }
    }
    Ok(deliveries)
}

fn check_name(name: &str) -> Result<(), SendToDeviceError> {
    let valid = name.len() <= MAX_NAME_BYTES && !name.contains('\0');
    if valid { Ok(()) } else { Err(SendToDeviceError::InvalidName) }
}
