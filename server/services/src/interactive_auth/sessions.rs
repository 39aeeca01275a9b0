//! The sessions of clients that were asked for more than their token.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use ruma::{OwnedUserId, UserId};
use serde_json::{Map, Value};

use super::{Attempt, Stage};

/// Sessions at most; when there are more, the oldest are forgotten.
const MAX_SESSIONS: usize = 5_000;

/// Bytes of bodies that are kept at most, for clients that do not repeat them.
const MAX_KEPT_BYTES: usize = 8 * 1024 * 1024;

/// A longer body is not kept: the client has to send it again.
const MAX_KEPT_BODY_BYTES: usize = 16 * 1024;

/// How long a session may be completed.
const LIFETIME_MS: i64 = 60 * 60 * 1000;

/// How long a completed session lets the same request through again, in case its answer was lost.
const REPEAT_MS: i64 = 5 * 60 * 1000;

/// Sessions by their names.
#[derive(Default)]
pub(super) struct Sessions(Mutex<Table>);

#[derive(Default)]
struct Table {
    sessions: HashMap<String, Session>,
    by_age: VecDeque<String>,
    kept_bytes: usize,
}

struct Session {
    user_id: Option<OwnedUserId>,
    method: String,
    uri: String,
    body: Option<Map<String, Value>>,
    body_bytes: usize,
    completed: Vec<Stage>,
    is_closed: bool,
    expires_ts: i64,
}

/// What a session's name stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Open,
    OtherOperation,
    Nothing,
}

impl Sessions {
    pub(super) fn begin(&self, id: String, user_id: Option<&OwnedUserId>, attempt: &Attempt, now_ts: i64) {
        let mut session = Session {
            user_id: user_id.cloned(),
            method: attempt.method.clone(),
            uri: attempt.uri.clone(),
            body: None,
            body_bytes: 0,
            completed: Vec::new(),
            is_closed: false,
            expires_ts: now_ts + LIFETIME_MS,
        };
        let mut table = self.table();
        table.kept_bytes += session.keep(&attempt.body);
        table.sessions.insert(id.clone(), session);
        table.by_age.push_back(id);
        table.shrink(now_ts);
    }

    /// Looks a session up, and completes the attempt's body from it.
    pub(super) fn resume(
        &self,
        id: &str,
        user_id: Option<&OwnedUserId>,
        attempt: &mut Attempt,
        now_ts: i64,
    ) -> Found {
        let mut guard = self.table();
        let table = &mut *guard;
        let Some(session) = table.sessions.get_mut(id) else { return Found::Nothing };
        let is_own = session.user_id.as_deref() == user_id.map(AsRef::<UserId>::as_ref);
        if !is_own || session.expires_ts <= now_ts {
            return Found::Nothing;
        }
        if session.method != attempt.method || session.uri != attempt.uri {
            return Found::OtherOperation;
        }
        match &session.body {
            Some(kept) if attempt.body.is_empty() => attempt.body = kept.clone(),
            Some(kept) if *kept == attempt.body => {}
            // What was proven for one request must not let another one through.
            _ if session.is_closed => return Found::OtherOperation,
            _ => {
                table.kept_bytes -= session.body_bytes;
                table.kept_bytes += session.keep(&attempt.body);
            }
        }
        table.shrink(now_ts);
        Found::Open
    }

    pub(super) fn complete(&self, id: &str, stage: Stage) {
        if let Some(session) = self.table().sessions.get_mut(id)
            && !session.completed.contains(&stage)
        {
            session.completed.push(stage);
        }
    }

    pub(super) fn completed(&self, id: &str) -> Vec<Stage> {
        self.table().sessions.get(id).map(|session| session.completed.clone()).unwrap_or_default()
    }

    /// The operation was let through.
    pub(super) fn close(&self, id: &str, now_ts: i64) {
        if let Some(session) = self.table().sessions.get_mut(id)
            && !session.is_closed
        {
            session.is_closed = true;
            session.expires_ts = now_ts + REPEAT_MS;
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Keeps a body unless it is too long; the bytes that it takes.
    fn keep(&mut self, body: &Map<String, Value>) -> usize {
        let bytes = serde_json::to_vec(body).map_or(usize::MAX, |json| json.len());
        let fits = bytes <= MAX_KEPT_BODY_BYTES;
        self.body = fits.then(|| body.clone());
        self.body_bytes = if fits { bytes } else { 0 };
        self.body_bytes
    }
}

impl Table {
    fn shrink(&mut self, now_ts: i64) {
        while let Some(oldest) = self.by_age.front() {
            let is_over = self.sessions.get(oldest).is_none_or(|session| session.expires_ts <= now_ts);
            if !is_over && self.sessions.len() <= MAX_SESSIONS && self.kept_bytes <= MAX_KEPT_BYTES {
                break;
            }
            if let Some(session) = self.by_age.pop_front().and_then(|id| self.sessions.remove(&id)) {
                self.kept_bytes -= session.body_bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use serde_json::json;

    use super::*;

    fn attempt(body: Value) -> Attempt {
        let Value::Object(body) = body else { panic!("an object") };
        Attempt {
            method: "POST".to_owned(),
            uri: "/delete".to_owned(),
            body,
            auth: None,
            address: Ipv4Addr::LOCALHOST.into(),
        }
    }

    #[test]
    fn number_of_sessions_and_their_bytes_are_bounded() {
        let sessions = Sessions::default();
        let long = attempt(json!({ "a": "x".repeat(MAX_KEPT_BODY_BYTES - 100) }));
        for number in 0..MAX_SESSIONS + 10 {
            sessions.begin(number.to_string(), None, &long, 0);
        }
        let table = sessions.table();
        assert!(table.sessions.len() <= MAX_SESSIONS && table.kept_bytes <= MAX_KEPT_BYTES);
        assert_eq!(table.sessions.len(), table.by_age.len());
        assert!(table.sessions.contains_key(&(MAX_SESSIONS + 9).to_string()), "the newest is there");
    }

    #[test]
    fn session_is_over_after_its_time() {
        let sessions = Sessions::default();
        sessions.begin("a".to_owned(), None, &attempt(json!({})), 0);
        assert_eq!(sessions.resume("a", None, &mut attempt(json!({})), LIFETIME_MS - 1), Found::Open);
        assert_eq!(sessions.resume("a", None, &mut attempt(json!({})), LIFETIME_MS), Found::Nothing);
    }

    #[test]
    fn closed_session_lets_only_the_same_request_through_again() {
        let sessions = Sessions::default();
        sessions.begin("a".to_owned(), None, &attempt(json!({ "devices": ["A"] })), 0);
        sessions.close("a", 0);
        let resume = |body, now_ts| sessions.resume("a", None, &mut attempt(body), now_ts);
        assert_eq!(resume(json!({ "devices": ["A"] }), 1), Found::Open);
        assert_eq!(resume(json!({ "devices": ["B"] }), 1), Found::OtherOperation);
        assert_eq!(resume(json!({ "devices": ["A"] }), REPEAT_MS), Found::Nothing);
    }

    #[test]
    fn body_that_is_not_repeated_is_remembered() {
        let sessions = Sessions::default();
        sessions.begin("a".to_owned(), None, &attempt(json!({ "devices": ["A"] })), 0);
        let mut again = attempt(json!({}));
        assert_eq!(sessions.resume("a", None, &mut again, 1), Found::Open);
        assert_eq!(Value::Object(again.body), json!({ "devices": ["A"] }));
    }
}
