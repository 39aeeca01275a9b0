//! The list of rooms: <https://spec.matrix.org/v1.19/client-server-api/#published-room-directory>.

use myelin_storage::{
    published_rooms::{self, Place},
    rooms::{self, Room},
};
use ruma::ServerName;

use super::{Directory, DirectoryError, forbidden};

/// Rooms that a page has at most.
const MAX_PAGE: usize = 100;

/// Rooms that are looked at for a page at most; the next page goes on behind them.
const MAX_SCANNED: usize = 5_000;

/// Rooms read at once.
const PIECE: u32 = 200;

/// Which part of the list is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListRequest<'a> {
    /// None or zero: the most that there can be.
    pub limit: Option<u64>,
    /// Where a page before ended.
    pub since: Option<&'a str>,
    /// Whose list; none: this server's.
    pub server: Option<&'a ServerName>,
    /// What the name, the topic or the main alias has to contain, whatever the case.
    pub search: Option<&'a str>,
    /// Types of rooms, where none is that of rooms without a type; none at all: every type.
    pub room_types: &'a [Option<&'a str>],
}

/// A part of the list.
#[derive(Debug, Default)]
pub struct ListPage {
    pub rooms: Vec<Room>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
    /// How many rooms there may be in all.
    pub total: u64,
}

impl Directory {
    /// A page of the list of rooms, that with the most members first.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn list(&self, request: ListRequest<'_>) -> Result<ListPage, DirectoryError> {
        if !self.settings.is_enabled {
            return Ok(ListPage::default());
        }
        if request.server.is_some_and(|server| server != self.settings.server_name) {
            return forbidden("This server does not federate");
        }
        let mut after = request.since.map(read_place).transpose()?;
        let limit = match request.limit.and_then(|limit| usize::try_from(limit).ok()) {
            None | Some(0) => MAX_PAGE,
            Some(limit) => limit.min(MAX_PAGE),
        };
        let search = request.search.map(str::to_lowercase).filter(|search| !search.is_empty());
        let mut txn = self.store.read().await?;
        let mut page = ListPage { total: published_rooms::count(&mut txn).await?, ..ListPage::default() };
        let mut scanned = 0;
        loop {
            let places = published_rooms::list(&mut txn, after, PIECE).await?;
            let nids: Vec<_> = places.iter().map(|(nid, _)| *nid).collect();
            let read = rooms::list(&mut txn, &nids).await?;
            for (nid, place) in &places {
                if page.rooms.len() == limit {
                    page.next = after.map(write_place);
                    return Ok(page);
                }
                after = Some(*place);
                let Some(room) = read.iter().find(|room| room.nid == *nid) else { continue };
                if has_type(room, request.room_types) && contains(room, search.as_deref()) {
                    page.rooms.push(room.clone());
                }
            }
            scanned += places.len();
            if places.len() < PIECE as usize {
                return Ok(page);
            }
            if scanned >= MAX_SCANNED {
                page.next = after.map(write_place);
                return Ok(page);
            }
        }
    }
}

fn has_type(room: &Room, wanted: &[Option<&str>]) -> bool {
    wanted.is_empty() || wanted.contains(&room.summary.room_type.as_deref())
}

fn contains(room: &Room, search: Option<&str>) -> bool {
    let Some(search) = search else { return true };
    let summary = &room.summary;
    [&summary.name, &summary.topic, &summary.canonical_alias]
        .into_iter()
        .flatten()
        .any(|text| text.to_lowercase().contains(search))
}

fn write_place(place: Place) -> String {
    format!("p{}_{}", place.joined_members, place.number)
}

fn read_place(text: &str) -> Result<Place, DirectoryError> {
    let read = || {
        let (joined_members, number) = text.strip_prefix('p')?.split_once('_')?;
        Some(Place { joined_members: joined_members.parse().ok()?, number: number.parse().ok()? })
    };
    read().ok_or(DirectoryError::Invalid("Invalid 'since' token"))
}
