//! Who may make which aliases and list which rooms, as `alias_creation_rules` and `room_list_publication_rules` say.

use std::sync::Arc;

use myelin_config::{RoomRule, RoomsConfig, RuleAction};
use myelin_core::glob::{Case, Glob};
use ruma::{RoomAliasId, RoomId};

use crate::session::Requester;

/// Rules of which the first that fits decides; nothing fits: no. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RoomRules(Arc<Rules>);

#[derive(Debug)]
enum Rules {
    Everybody,
    Administrators,
    First(Vec<Rule>),
}

#[derive(Debug)]
struct Rule {
    user_id: Glob,
    alias: Glob,
    room_id: Glob,
    is_allowed: bool,
}

impl RoomRules {
    /// Who may make which aliases: everybody all, if nothing is said.
    pub fn of_aliases(config: &RoomsConfig) -> Self {
        Self::new(config.alias_creation_rules.as_deref(), Rules::Everybody)
    }

    /// Who may list which rooms: administrators all, if nothing is said.
    pub fn of_publication(config: &RoomsConfig) -> Self {
        Self::new(config.room_list_publication_rules.as_deref(), Rules::Administrators)
    }

    fn new(rules: Option<&[RoomRule]>, otherwise: Rules) -> Self {
        let glob = |pattern: &str| Glob::new(pattern, Case::Insensitive);
        let read = |rule: &RoomRule| Rule {
            user_id: glob(&rule.user_id),
            alias: glob(&rule.alias),
            room_id: glob(&rule.room_id),
            is_allowed: rule.action == RuleAction::Allow,
        };
        Self(Arc::new(rules.map_or(otherwise, |rules| Rules::First(rules.iter().map(read).collect()))))
    }

    /// Whether the user may do it with this room and these aliases of it.
    pub fn allow<'a>(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        aliases: impl IntoIterator<Item = &'a RoomAliasId>,
    ) -> bool {
        let rules = match &*self.0 {
            Rules::Everybody => return true,
            Rules::Administrators => return requester.is_admin,
            Rules::First(rules) => rules,
        };
        let aliases: Vec<&RoomAliasId> = aliases.into_iter().collect();
        let fits = |rule: &&Rule| {
            rule.user_id.matches(requester.user_id.as_str())
                && rule.room_id.matches(room_id.as_str())
                && match &*aliases {
                    // Only a rule about all aliases is one about a room without.
                    [] => rule.alias.matches(""),
                    named => named.iter().any(|alias| rule.alias.matches(alias.as_str())),
                }
        };
        rules.iter().find(fits).is_some_and(|rule| rule.is_allowed)
    }
}
