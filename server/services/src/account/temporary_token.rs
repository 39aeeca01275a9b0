//! Tokens that are shown to others: to log a further device in
//! (<https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv1loginget_token>), or to prove who a user is
//! (<https://spec.matrix.org/v1.19/client-server-api/#openid>).

use std::net::IpAddr;

use myelin_storage::{
    StorageError,
    temporary_tokens::{self, Purpose},
};
use ruma::{OwnedUserId, UserId};

use super::{Accounts, LoginError, NewSession, Session};
use crate::{ratelimit::LimitExceeded, session::TokenKind};

/// How long a user can be proven by an `OpenID` token, as with Synapse.
const OPENID_LIFETIME_MS: i64 = 60 * 60 * 1000;

/// A token that ends by itself.
#[derive(Clone, Debug)]
pub struct TemporaryToken {
    pub token: String,
    pub expires_in_ms: i64,
}

/// Why no login token is given out.
#[derive(Debug, thiserror::Error)]
pub enum LoginTokenError {
    /// The configuration forbids it.
    #[error("login tokens are not handed out")]
    Disabled,
    /// One a minute is enough.
    #[error(transparent)]
    LimitExceeded(#[from] LimitExceeded),
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

impl Accounts {
    /// Whether a user who is logged in can log a further device in.
    pub fn allows_login_tokens(&self) -> bool {
        self.settings.sessions.login_via_existing_session.enabled
    }

    /// Whether such a user has to prove again who they are.
    pub fn guards_login_tokens(&self) -> bool {
        self.settings.sessions.login_via_existing_session.require_ui_auth
    }

    /// Gives out a token that opens one session of the user.
    ///
    /// # Errors
    /// [`LoginTokenError`].
    pub async fn give_login_token(&self, user_id: &UserId) -> Result<TemporaryToken, LoginTokenError> {
        if !self.allows_login_tokens() {
            return Err(LoginTokenError::Disabled);
        }
        self.limits.login_tokens.record(user_id.to_owned())?;
        let timeout = self.settings.sessions.login_via_existing_session.token_timeout;
        let lifetime_ms = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
        let token = self.sessions.make_token(TokenKind::Login, user_id);
        Ok(self.insert_temporary(Purpose::Login, token, user_id, lifetime_ms).await?)
    }

    /// Opens a session for whoever has a login token, which is used up by that.
    ///
    /// # Errors
    /// [`LoginError`]; no session was opened then.
    pub async fn log_in_by_token(
        &self,
        token: &str,
        new: NewSession,
        address: IpAddr,
    ) -> Result<(OwnedUserId, Session), LoginError> {
        if !self.allows_login_tokens() {
            return Err(LoginError::Disabled);
        }
        new.check()?;
        self.limits.login_addresses.record(address)?;
        let mut txn = self.store.write("account::log_in_by_token").await?;
        let user_id = temporary_tokens::take(&mut txn, Purpose::Login, token, self.clock.now_ts()).await?;
        let user_id = user_id.ok_or(LoginError::InvalidToken)?;
        self.limits.login_accounts.record(user_id.clone())?;
        let session = self.insert_session(&mut txn, &user_id, new).await?;
        txn.commit().await?;
        Ok((user_id, session))
    }

    /// Gives out a token by which the user can prove to others who they are.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn give_openid_token(&self, user_id: &UserId) -> Result<TemporaryToken, StorageError> {
        let token = self.random.letters(32);
        self.insert_temporary(Purpose::OpenId, token, user_id, OPENID_LIFETIME_MS).await
    }

    /// The user who is proven by such a token.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_openid_user(&self, token: &str) -> Result<Option<OwnedUserId>, StorageError> {
        let mut txn = self.store.read().await?;
        temporary_tokens::find(&mut txn, Purpose::OpenId, token, self.clock.now_ts()).await
    }

    async fn insert_temporary(
        &self,
        purpose: Purpose,
        token: String,
        user_id: &UserId,
        expires_in_ms: i64,
    ) -> Result<TemporaryToken, StorageError> {
        let now_ts = self.clock.now_ts();
        let expires_ts = now_ts.saturating_add(expires_in_ms);
        let mut txn = self.store.write("account::insert_temporary").await?;
        temporary_tokens::insert(&mut txn, purpose, &token, user_id, now_ts, expires_ts).await?;
        txn.commit().await?;
        Ok(TemporaryToken { token, expires_in_ms })
    }
}
