//! How long sessions last, and how clients make them last longer:
//! <https://spec.matrix.org/v1.19/client-server-api/#refreshing-access-tokens>.

use std::time::Duration;

use myelin_storage::{
    StorageError, WriteTxn,
    refresh_tokens::{self, RefreshToken},
    users,
};
use ruma::{OwnedDeviceId, UserId};

use super::{Accounts, Session};
use crate::session::{TokenKind, TokenTerms};

/// Why a session is not refreshed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The token was never given out, or its session has ended.
    #[error("unknown refresh token")]
    UnknownToken,
    /// The token was good once; the client may log in again and keep its keys.
    #[error("expired refresh token")]
    ExpiredToken,
    /// An administrator has locked the account.
    #[error("the account is locked")]
    Locked,
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

/// A login of a device, which its tokens are given out for.
pub(super) struct Login {
    logged_in_ts: i64,
    is_refreshable: bool,
    /// When it ends, however often it is refreshed.
    expires_ts: Option<i64>,
    /// The refresh token that was used.
    refreshed: Option<String>,
}

impl Accounts {
    /// Gives out an access token and a refresh token for another refresh token, which holds until one of the new ones
    /// is used: so a client that lost the answer asks again.
    ///
    /// # Errors
    /// [`RefreshError`]; all tokens are what they were then.
    pub async fn refresh(&self, token: &str) -> Result<Session, RefreshError> {
        let now_ts = self.clock.now_ts();
        let mut txn = self.store.write("account::refresh").await?;
        let used = refresh_tokens::find(&mut txn, token).await?.ok_or(RefreshError::UnknownToken)?;
        let user = users::find(&mut txn, &used.user_id).await?;
        let user = user.filter(|user| !user.is_deactivated).ok_or(RefreshError::UnknownToken)?;
        if user.is_locked {
            return Err(RefreshError::Locked);
        }
        if [used.expires_ts, used.session_expires_ts].into_iter().flatten().any(|ts| ts <= now_ts) {
            return Err(RefreshError::ExpiredToken);
        }
        let mut ended = refresh_tokens::mark_used(&mut txn, &used).await?;
        ended.extend(refresh_tokens::delete_replacements(&mut txn, &used).await?);
        let login = Login {
            logged_in_ts: used.logged_in_ts,
            is_refreshable: true,
            expires_ts: used.session_expires_ts,
            refreshed: Some(used.token),
        };
        let session = self.insert_tokens(&mut txn, &used.user_id, used.device_id, login).await?;
        self.sessions.forget_after(&mut txn, ended);
        txn.commit().await?;
        Ok(session)
    }

    /// A login now, which can be refreshed if the client and the configuration are for it.
    pub(super) fn begin_login(&self, now_ts: i64, is_refreshable: bool) -> Login {
        let settings = &self.settings.sessions;
        Login {
            logged_in_ts: now_ts,
            is_refreshable: is_refreshable && settings.refreshable_access_token_lifetime.is_some(),
            expires_ts: settings.session_lifetime.map(|lifetime| after(now_ts, lifetime)),
            refreshed: None,
        }
    }

    /// Gives out the tokens of a login.
    pub(super) async fn insert_tokens(
        &self,
        txn: &mut WriteTxn,
        user_id: &UserId,
        device_id: OwnedDeviceId,
        login: Login,
    ) -> Result<Session, StorageError> {
        let now_ts = self.clock.now_ts();
        let settings = &self.settings.sessions;
        let within = |lifetime: Option<Duration>| {
            let own_ts = lifetime.map(|lifetime| after(now_ts, lifetime));
            [own_ts, login.expires_ts].into_iter().flatten().min()
        };
        let (refresh_token, valid_until_ts) = if login.is_refreshable {
            let refresh_token = RefreshToken {
                token: self.sessions.make_token(TokenKind::Refresh, user_id),
                user_id: user_id.to_owned(),
                device_id: device_id.clone(),
                replaces: login.refreshed,
                logged_in_ts: login.logged_in_ts,
                expires_ts: within(settings.refresh_token_lifetime),
                session_expires_ts: login.expires_ts,
            };
            refresh_tokens::insert(txn, &refresh_token).await?;
            (Some(refresh_token.token), within(settings.refreshable_access_token_lifetime))
        } else {
            (None, within(settings.nonrefreshable_access_token_lifetime))
        };
        let terms = TokenTerms {
            logged_in_ts: login.logged_in_ts,
            valid_until_ts,
            refresh_token: refresh_token.as_deref(),
        };
        let access_token = self.sessions.insert(txn, user_id, Some(&device_id), terms).await?;
        let expires_in_ms = valid_until_ts.map(|until_ts| until_ts - now_ts);
        Ok(Session { access_token, device_id, expires_in_ms, refresh_token })
    }
}

fn after(now_ts: i64, lifetime: Duration) -> i64 {
    now_ts.saturating_add(i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX))
}
