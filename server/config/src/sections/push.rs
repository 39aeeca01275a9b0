//! Notifications.

use std::time::Duration;

use crate::reader::Reader;

/// The `push` block.
#[derive(Clone, Debug)]
pub struct PushConfig {
    pub enabled: bool,
    pub include_content: bool,
    pub group_unread_count_by_room: bool,
    pub jitter_delay: Duration,
}

pub(crate) fn read(r: &mut Reader<'_, '_>) -> PushConfig {
    const NONE: &str = "nothing is pushed yet";
    r.not_yet(NONE).group("push", "Notifications to devices.", |r| PushConfig {
        enabled: r.get("enabled", "true", "Whether notifications are sent."),
        include_content: r.get("include_content", "true", "Whether they hold the message."),
        group_unread_count_by_room: r.get(
            "group_unread_count_by_room",
            "true",
            "Whether the number in them is of rooms; else of messages.",
        ),
        jitter_delay: r.get("jitter_delay", "0s", "Longest random delay of a notification."),
    })
}
