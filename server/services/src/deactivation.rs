//! Users who go for good: their account is closed at once, and they leave their rooms one after the other in the
//! background, over restarts until the last one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use myelin_storage::{StorageError, Store, users};
use ruma::UserId;

pub use crate::account::{CloseError, Erasure};
use crate::{account::Accounts, push_rules::PushRules, room::Rooms, tasks::Tasks};

/// Closes accounts. Cheap to clone.
#[derive(Clone)]
pub struct Deactivations(Arc<Shared>);

struct Shared {
    store: Store,
    accounts: Accounts,
    push_rules: PushRules,
    rooms: Rooms,
    tasks: Tasks,
    leaving: Mutex<Leaving>,
}

/// Whether somebody is being taken out of rooms. One at a time: a room that many leave at once is slow for all.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaving {
    Nobody,
    Somebody,
    /// And there is more to do, which perhaps was not seen.
    SomebodyAndMore,
}

impl Deactivations {
    /// The service, which does not begin by itself: see [`Deactivations::resume`].
    pub fn new(store: Store, accounts: Accounts, push_rules: PushRules, rooms: Rooms, tasks: Tasks) -> Self {
        let leaving = Mutex::new(Leaving::Nobody);
        Self(Arc::new(Shared { store, accounts, push_rules, rooms, tasks, leaving }))
    }

    /// Closes a user's account for good, and has the user leave all rooms in the background.
    ///
    /// # Errors
    /// [`CloseError`]; the account is open then.
    pub async fn deactivate(&self, user_id: &UserId, erasure: Erasure) -> Result<(), CloseError> {
        let (deactivations, closed) = (self.clone(), user_id.to_owned());
        let and_then = move || {
            deactivations.0.push_rules.forget(&closed);
            deactivations.resume();
            tracing::info!(user.id = %closed, erased = erasure == Erasure::Everything, "account closed");
        };
        self.0.accounts.close(user_id, erasure, and_then).await
    }

    /// Goes on with users who have not left all of their rooms: to be called at start.
    pub fn resume(&self) {
        let before = std::mem::replace(&mut *self.leaving(), Leaving::SomebodyAndMore);
        if before == Leaving::Nobody {
            let deactivations = self.clone();
            self.0.tasks.spawn(async move { deactivations.leave_rooms().await });
        }
    }

    async fn leave_rooms(&self) {
        while self.begin_round() {
            if let Err(error) = self.leave_rooms_of_all().await {
                tracing::error!(error = %error, "closed accounts stay in rooms until the next start");
                *self.leaving() = Leaving::Nobody;
                return;
            }
        }
    }

    /// Whether there is something to do since the last round.
    fn begin_round(&self) -> bool {
        let mut leaving = self.leaving();
        *leaving = match *leaving {
            Leaving::SomebodyAndMore => Leaving::Somebody,
            Leaving::Somebody | Leaving::Nobody => Leaving::Nobody,
        };
        *leaving == Leaving::Somebody
    }

    async fn leave_rooms_of_all(&self) -> Result<(), StorageError> {
        let find = async || users::find_leaving(&mut self.0.store.read().await?).await;
        while let Some(user_id) = find().await? {
            if !self.0.rooms.leave_all(&user_id).await? {
                return Ok(());
            }
            let mut txn = self.0.store.write("deactivation::leave_rooms").await?;
            users::mark_left(&mut txn, &user_id).await?;
            txn.commit().await?;
        }
        Ok(())
    }

    fn leaving(&self) -> MutexGuard<'_, Leaving> {
        self.0.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
