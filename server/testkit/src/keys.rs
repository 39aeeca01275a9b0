//! Keys of devices and users as clients make them, with signatures that are right.

use myelin_core::{
    json::{Object, Value as CoreValue},
    signature::{SigningKey, sign_json},
};
use myelin_storage::{Position, to_device};
use ruma::UserId;
use serde_json::{Value, json};

use crate::{TestServer, TestUser};

/// The cross-signing keys of a user.
pub struct TestCrossSigning {
    user: TestUser,
    master: SigningKey,
    self_signing: SigningKey,
    user_signing: SigningKey,
}

impl TestUser {
    /// The key that the device signs with.
    pub fn device_key(&self) -> SigningKey {
        let mut seed = [1; 32];
        for (place, byte) in seed.iter_mut().zip(self.device_id.as_str().bytes()) {
            *place = byte;
        }
        SigningKey::from_seed(self.device_id.as_str(), &seed).expect("a key")
    }

    /// The identity keys of the device, signed by it.
    pub fn device_keys(&self) -> Value {
        let key = self.device_key();
        let mut keys = json!({
            "user_id": self.user_id,
            "device_id": self.device_id,
            "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
            "keys": {
                format!("curve25519:{}", self.device_id): "3C5BFWi2Y8MaVvjM8M22DBmh24PmgR0nPvJOIArzgyI",
                key.id(): key.verify_key().to_base64(),
            },
        });
        sign(&mut keys, &self.user_id, &key);
        keys
    }

    /// A one-time key of the device, signed by it.
    pub fn one_time_key(&self, text: &str) -> Value {
        let mut key = json!({ "key": text });
        sign(&mut key, &self.user_id, &self.device_key());
        key
    }

    /// Cross-signing keys of the user; another `number` makes other keys.
    pub fn cross_signing(&self, number: u8) -> TestCrossSigning {
        let key = |usage: u8| {
            let mut seed = [number; 32];
            seed[0] = usage;
            seed[1] = self.user_id.as_str().as_bytes()[1];
            let named = SigningKey::from_seed("name", &seed).expect("a key").verify_key().to_base64();
            SigningKey::from_seed(&named, &seed).expect("a key")
        };
        TestCrossSigning { user: self.clone(), master: key(1), self_signing: key(2), user_signing: key(3) }
    }
}

impl TestCrossSigning {
    /// The body of their upload.
    pub fn upload(&self) -> Value {
        json!({
            "master_key": self.master_key(),
            "self_signing_key": self.signed_key(&self.self_signing, "self_signing"),
            "user_signing_key": self.signed_key(&self.user_signing, "user_signing"),
        })
    }

    /// The master key.
    pub fn master_key(&self) -> Value {
        self.key(&self.master, "master")
    }

    /// The master key in base64, under which it is signed.
    pub fn master_name(&self) -> String {
        self.master.verify_key().to_base64()
    }

    /// The id of the self-signing key.
    pub fn self_signing_id(&self) -> &str {
        self.self_signing.id()
    }

    /// The id of the user-signing key.
    pub fn user_signing_id(&self) -> &str {
        self.user_signing.id()
    }

    /// The keys of a device of the user, signed by the self-signing key.
    pub fn sign_device(&self, device: &TestUser) -> Value {
        let mut keys = device.device_keys();
        sign(&mut keys, &self.user.user_id, &self.self_signing);
        keys
    }

    /// The master key of another user, signed by the user-signing key.
    pub fn sign_user(&self, other: &Self) -> Value {
        let mut key = other.master_key();
        sign(&mut key, &self.user.user_id, &self.user_signing);
        key
    }

    fn signed_key(&self, key: &SigningKey, usage: &str) -> Value {
        let mut key = self.key(key, usage);
        sign(&mut key, &self.user.user_id, &self.master);
        key
    }

    fn key(&self, key: &SigningKey, usage: &str) -> Value {
        json!({
            "user_id": self.user.user_id,
            "usage": [usage],
            "keys": { key.id(): key.verify_key().to_base64() },
        })
    }
}

/// Signs an object.
pub fn sign(object: &mut Value, user_id: &UserId, key: &SigningKey) {
    let mut signed: Object = match CoreValue::try_from(&*object) {
        Ok(CoreValue::Object(signed)) => signed,
        _ => panic!("not an object: {object}"),
    };
    sign_json(&mut signed, user_id.as_str(), key);
    *object = Value::try_from(&CoreValue::Object(signed)).expect("small numbers");
}

impl TestServer {
    /// Uploads the identity keys of a device.
    pub async fn upload_device_keys(&self, user: &TestUser) {
        self.post(user, "/_matrix/client/v3/keys/upload", json!({ "device_keys": user.device_keys() }))
            .await
            .ok();
    }

    /// Uploads cross-signing keys of a user who has none.
    pub async fn upload_cross_signing(&self, user: &TestUser) -> TestCrossSigning {
        let keys = user.cross_signing(1);
        self.post(user, "/_matrix/client/v3/keys/device_signing/upload", keys.upload()).await.ok();
        keys
    }

    /// The messages that wait for a device, in order, as `/sync` shows them.
    pub async fn waiting_messages(&self, user: &TestUser) -> Vec<Value> {
        let mut txn = self.store.read().await.expect("a snapshot");
        let (after, until) = (Position(0), Position(i64::MAX));
        let messages = to_device::list(&mut txn, &user.user_id, &user.device_id, after, until, 1000).await;
        let show = |message: to_device::ToDeviceMessage| {
            let content: Value = serde_json::from_str(&message.content).expect("JSON");
            json!({ "sender": message.sender, "type": message.event_type, "content": content })
        };
        messages.expect("a query").into_iter().map(show).collect()
    }

    /// What `POST /keys/query` says of these users.
    pub async fn query_keys(&self, viewer: &TestUser, users: &[&TestUser]) -> Value {
        let wanted: serde_json::Map<String, Value> =
            users.iter().map(|user| (user.user_id.to_string(), json!([]))).collect();
        self.post(viewer, "/_matrix/client/v3/keys/query", json!({ "device_keys": wanted })).await.ok()
    }
}
