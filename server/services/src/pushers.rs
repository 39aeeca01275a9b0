//! Where users want to be notified (<https://spec.matrix.org/v1.19/client-server-api/#push-notifications>).
//!
//! Pushers are kept and listed. Nothing is sent to them yet: this server makes no requests of its own.

use myelin_storage::{StorageError, Store, pushers};
use ruma::UserId;

pub use myelin_storage::pushers::Pusher;

use crate::{clock::Clock, session::Requester};

/// Pushers of a user at most.
const MAX_PUSHERS: usize = 100;

/// Bytes of a pushkey at most, as the specification says.
pub const MAX_PUSHKEY_BYTES: usize = 512;
/// Bytes of an app's id at most, as the specification says.
pub const MAX_APP_ID_BYTES: usize = 64;
/// Bytes of what else describes a pusher, all together, at most.
pub const MAX_DESCRIPTION_BYTES: usize = 16 * 1024;

/// Why a pusher is not taken.
#[derive(Debug, thiserror::Error)]
pub enum PusherError {
    /// A part of it is too long, or holds a zero character.
    #[error("{0} is too long or holds a zero character")]
    Invalid(&'static str),
    /// There are [`MAX_PUSHERS`] already.
    #[error("a user may have {MAX_PUSHERS} pushers")]
    TooMany,
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

/// The pushers of this server's users. Cheap to clone.
#[derive(Clone)]
pub struct Pushers {
    store: Store,
    clock: Clock,
}

impl Pushers {
    /// The pushers in a store.
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Sets a pusher. Unless others are to keep theirs (`append`), whoever used the same installation of the app
    /// before loses the one with the same key.
    ///
    /// # Errors
    /// [`PusherError`] says why it is refused.
    pub async fn set(
        &self,
        requester: &Requester,
        mut pusher: Pusher,
        append: bool,
    ) -> Result<(), PusherError> {
        check(&pusher)?;
        pusher.device_id.clone_from(&requester.device_id);
        let user_id = &requester.user_id;
        let mut txn = self.store.write("pushers::set").await?;
        if !append {
            pushers::delete_of_others(&mut txn, user_id, &pusher.app_id, &pusher.pushkey).await?;
        }
        let known = pushers::list(&mut txn, user_id).await?;
        let is_same = |known: &Pusher| known.app_id == pusher.app_id && known.pushkey == pusher.pushkey;
        if known.len() >= MAX_PUSHERS && !known.iter().any(is_same) {
            return Err(PusherError::TooMany);
        }
        pushers::put(&mut txn, user_id, &pusher, self.clock.now_ts()).await?;
        txn.commit().await?;
        Ok(())
    }

    /// Removes a pusher; one that is not there is no error.
    ///
    /// # Errors
    /// [`StorageError`] if the database failed.
    pub async fn delete(&self, user_id: &UserId, app_id: &str, pushkey: &str) -> Result<(), StorageError> {
        let mut txn = self.store.write("pushers::delete").await?;
        pushers::delete(&mut txn, user_id, app_id, pushkey).await?;
        txn.commit().await?;
        Ok(())
    }

    /// The pushers of a user.
    ///
    /// # Errors
    /// [`StorageError`] if the database failed.
    pub async fn list(&self, user_id: &UserId) -> Result<Vec<Pusher>, StorageError> {
        pushers::list(&mut self.store.read().await?, user_id).await
    }
}

fn check(pusher: &Pusher) -> Result<(), PusherError> {
    let Pusher {
        app_id, pushkey, kind, app_display_name, device_display_name, profile_tag, lang, data, ..
    } = pusher;
    let description = [kind, app_display_name, device_display_name, lang, data];
    if app_id.len() > MAX_APP_ID_BYTES {
        return Err(PusherError::Invalid("app_id"));
    }
    if pushkey.len() > MAX_PUSHKEY_BYTES {
        return Err(PusherError::Invalid("pushkey"));
    }
    let length: usize = description.into_iter().chain(profile_tag).map(String::len).sum();
    if length > MAX_DESCRIPTION_BYTES {
        return Err(PusherError::Invalid("the description of the pusher"));
    }
    Ok(())
}
