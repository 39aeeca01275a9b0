//! What is stored of presence, so that users are what they were after a start. That they are still there is then to be
//! seen within `sync_online_timeout`, as always.

use myelin_storage::{StorageError, presence};
use ruma::{OwnedUserId, presence::PresenceState};

use super::{Known, MAX_USERS, Presence, State};

/// Users that are read at most, so that there is room for those who come.
const MAX_READ: usize = MAX_USERS / 2;

/// Users that one unit stores at most; there is one such unit a second at most.
const MAX_SAVED: usize = 100;

/// How old what is stored of the activity of a user may become.
const ACTIVITY_GRANULARITY_MS: i64 = 10 * 60 * 1000;

impl Known {
    /// A user as it was stored. Those who were there count as seen now, since their clients had no server to turn to.
    fn of_stored(stored: presence::Presence, now_ts: i64) -> Self {
        let presence::Presence { state, message, last_active_ts, .. } = stored;
        let state = PresenceState::from(state);
        Self {
            last_seen_ts: if state == PresenceState::Offline { last_active_ts } else { now_ts },
            last_active_ts,
            syncing: 0,
            told: (state.clone(), message.clone()),
            serial: 0,
            stored: Some((state.clone(), message.clone(), last_active_ts)),
            state,
            message,
        }
    }

    fn is_saved(&self) -> bool {
        let Some((state, message, last_active_ts)) = &self.stored else { return false };
        let (told_state, told_message) = &self.told;
        state == told_state
            && message == told_message
            && self.last_active_ts - last_active_ts < ACTIVITY_GRANULARITY_MS
    }
}

impl Presence {
    /// Reads what was stored, the first time.
    pub(super) async fn load(&self) -> Result<(), StorageError> {
        if !self.is_on() {
            return Ok(());
        }
        self.0.loaded.get_or_try_init(|| self.read_stored()).await?;
        Ok(())
    }

    async fn read_stored(&self) -> Result<(), StorageError> {
        let mut txn = self.0.store.read().await?;
        let stored = presence::list(&mut txn, u32::try_from(MAX_READ).unwrap_or(u32::MAX)).await?;
        drop(txn);
        let now_ts = self.0.clock.now_ts();
        let mut state = self.state();
        let State { users, ledger } = &mut *state;
        for stored in stored {
            let user_id = stored.user_id.clone();
            let mut known = Known::of_stored(stored, now_ts);
            ledger.record_user(&user_id, &mut known);
            users.insert(user_id, known);
        }
        Ok(())
    }

    /// Stores some of what others were told since it was stored last.
    pub(super) async fn save(&self) -> Result<(), StorageError> {
        let unsaved: Vec<presence::Presence> = {
            let state = self.state();
            let unsaved = state.users.iter().filter(|(_, known)| !known.is_saved()).take(MAX_SAVED);
            unsaved.map(|(user_id, known)| to_store(user_id, known)).collect()
        };
        if unsaved.is_empty() {
            return Ok(());
        }
        let mut txn = self.0.store.write_bulk("presence::save").await?;
        presence::put(&mut txn, &unsaved).await?;
        txn.commit().await?;
        let mut state = self.state();
        for saved in unsaved {
            if let Some(known) = state.users.get_mut(&saved.user_id) {
                known.stored = Some((saved.state.into(), saved.message, saved.last_active_ts));
            }
        }
        Ok(())
    }
}

fn to_store(user_id: &OwnedUserId, known: &Known) -> presence::Presence {
    let (state, message) = &known.told;
    presence::Presence {
        user_id: user_id.clone(),
        state: state.to_string(),
        message: message.clone(),
        last_active_ts: known.last_active_ts,
    }
}

#[cfg(test)]
mod tests {
    use ruma::owned_user_id;

    use super::*;

    #[test]
    fn only_those_who_were_there_count_as_seen_at_the_start() {
        let seen_ts = |state: &str| {
            let (user_id, state) = (owned_user_id!("@alice:myelin.test"), state.to_owned());
            let stored = presence::Presence { user_id, state, message: None, last_active_ts: 1 };
            Known::of_stored(stored, 100).last_seen_ts
        };
        assert_eq!(["online", "unavailable", "offline"].map(seen_ts), [100, 100, 1]);
    }
}
