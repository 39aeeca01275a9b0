//! Keys of devices and users, which others need to encrypt for them and to know them again.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#key-management-api> and
//! <https://spec.matrix.org/v1.19/client-server-api/#cross-signing>. Private keys never come here.

mod claim;
mod cross_signing;
mod json;
mod query;
mod signatures;
mod upload;

use std::sync::Arc;

use myelin_storage::Store;
use ruma::{OwnedServerName, UserId};

pub use self::{
    claim::{ClaimedKeys, Claims, MAX_CLAIMS},
    cross_signing::{SigningKeys, SigningKeysError},
    json::InvalidKey,
    query::{KeyQuery, MAX_QUERIED_USERS, QueriedKeys},
    signatures::{Failures, MAX_SIGNED_KEYS, SignatureFailure, SignedKeys},
    upload::{KeyUpload, MAX_ONE_TIME_KEYS, UploadError},
};
use crate::device_list::DeviceLists;

/// The keys of this server's users. Cheap to clone.
#[derive(Clone)]
pub struct DeviceKeys(Arc<Shared>);

struct Shared {
    store: Store,
    device_lists: DeviceLists,
    server_name: OwnedServerName,
}

/// Why a request for keys is not answered.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// It asks for too much at once.
    #[error("more than {limit} {what} in one request")]
    TooMany { what: &'static str, limit: usize },
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] myelin_storage::StorageError),
}

impl DeviceKeys {
    /// The keys in `store`.
    pub fn new(store: Store, device_lists: DeviceLists, server_name: OwnedServerName) -> Self {
        Self(Arc::new(Shared { store, device_lists, server_name }))
    }

    fn is_local(&self, user_id: &UserId) -> bool {
        user_id.server_name() == self.0.server_name
    }
}
