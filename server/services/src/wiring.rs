//! The services, made once at start.

mod metrics;

use myelin_config::Config;
use myelin_core::signature::SigningKey;
use myelin_storage::Store;
use ruma::{OwnedServerName, RoomVersionId};

use crate::{
    account::{AccountSettings, Accounts},
    account_data::AccountData,
    clock::Clock,
    deactivation::Deactivations,
    device::Devices,
    device_keys::DeviceKeys,
    device_list::DeviceLists,
    directory::{Directory, DirectorySettings},
    filters::Filters,
    health::Health,
    ignored_users::IgnoredUsers,
    interactive_auth::{InteractiveAuth, InteractiveAuthParts},
    key_backup::KeyBackups,
    keys::{RetiredKey, ServerKeys},
    media::{Media, MediaParts},
    notifications::Notifications,
    notify::Notifier,
    presence::Presence,
    profile::{ProfileSettings, Profiles},
    push::Push,
    push_rules::PushRules,
    pushers::Pushers,
    random::Random,
    receipts::Receipts,
    reports::Reports,
    room::{RoomParts, RoomRules, RoomSettings, Rooms},
    search::Searches,
    session::Sessions,
    sync::{SyncSettings, SyncSources, Syncs},
    tasks::Tasks,
    timeline::Timelines,
    to_device::ToDevice,
    turn::TurnServers,
    typing::Typing,
    user_directory::UserDirectory,
};

/// Every service that something outside of this crate calls. No service holds it: each got what it needs itself.
#[derive(Clone)]
pub struct Services {
    pub accounts: Accounts,
    pub deactivations: Deactivations,
    pub interactive_auth: InteractiveAuth,
    pub sessions: Sessions,
    pub rooms: Rooms,
    pub profiles: Profiles,
    pub media: Media,
    pub turn: TurnServers,
    pub directory: Directory,
    pub user_directory: UserDirectory,
    pub filters: Filters,
    pub account_data: AccountData,
    pub push_rules: PushRules,
    pub devices: Devices,
    pub pushers: Pushers,
    pub notifications: Notifications,
    pub receipts: Receipts,
    pub typing: Typing,
    pub presence: Presence,
    pub reports: Reports,
    pub device_keys: DeviceKeys,
    pub device_lists: DeviceLists,
    pub to_device: ToDevice,
    pub timelines: Timelines,
    pub searches: Searches,
    pub syncs: Syncs,
    pub key_backups: KeyBackups,
    pub server_keys: ServerKeys,
    pub notifier: Notifier,
    pub health: Health,
    pub random: Random,
}

/// What the services need from outside.
pub struct Parts {
    pub store: Store,
    pub config: Config,
    pub server_name: OwnedServerName,
    pub clock: Clock,
    pub random: Random,
    /// What this server signs with.
    pub key: SigningKey,
    /// What is published beside it, and signs what is published.
    pub further_keys: Vec<SigningKey>,
    pub retired_keys: Vec<RetiredKey>,
    pub tasks: Tasks,
}

impl Services {
    /// Makes them, in the order of their tiers.
    pub fn new(parts: Parts) -> Self {
        let Parts { store, config, server_name, clock, random, key, further_keys, retired_keys, tasks } =
            parts;
        let notifier = Notifier::new(*store.committed().borrow());
        let sessions = Sessions::new(store.clone(), clock.clone(), random.clone());
        let server_keys = ServerKeys::new(
            server_name.clone(),
            clock.clone(),
            [vec![key.clone()], further_keys].concat(),
            retired_keys,
            config.signing_keys.key_refresh_interval,
        );
        let push_rules = PushRules::new(store.clone(), notifier.clone());
        let ignored_users = IgnoredUsers::new(store.clone());
        let rooms = Rooms::new(RoomParts {
            store: store.clone(),
            clock: clock.clone(),
            random: random.clone(),
            notifier: notifier.clone(),
            tasks: tasks.clone(),
            push: Push::new(push_rules.clone(), ignored_users.clone(), server_name.clone()),
            key,
            settings: room_settings(&config, server_name.clone()),
        });
        let turn = TurnServers::new(clock.clone(), config.turn.clone());
        let media = Media::new(MediaParts {
            store: store.clone(),
            clock: clock.clone(),
            random: random.clone(),
            server_name: server_name.clone(),
            settings: config.media.clone(),
            create_limit: config.rate_limits.rc_media_create,
            tasks: tasks.clone(),
        });
        let directory =
            Directory::new(store.clone(), rooms.clone(), directory_settings(&config, server_name.clone()));
        let user_directory = UserDirectory::new(
            store.clone(),
            clock.clone(),
            config.rate_limits.rc_user_directory,
            config.rooms.user_directory.clone(),
        );
        let profiles = Profiles::new(
            store.clone(),
            rooms.clone(),
            tasks.clone(),
            profile_settings(&config, server_name.clone()),
        );
        let filters = Filters::new(store.clone());
        let account_data = AccountData::new(store.clone(), notifier.clone(), ignored_users);
        let pushers = Pushers::new(store.clone(), clock.clone());
        let receipts = Receipts::new(store.clone(), notifier.clone(), clock.clone());
        let typing = Typing::new(store.clone(), clock.clone(), notifier.clone(), &random, tasks.clone());
        let presence = Presence::new(
            store.clone(),
            clock.clone(),
            notifier.clone(),
            &random,
            config.presence.clone(),
            config.rate_limits.rc_presence_per_user,
        );
        let device_lists = DeviceLists::new(store.clone(), notifier.clone());
        let devices = Devices::new(store.clone(), sessions.clone(), device_lists.clone());
        let key_backups = KeyBackups::new(store.clone());
        let device_keys = DeviceKeys::new(store.clone(), device_lists.clone(), server_name.clone());
        let to_device = ToDevice::new(
            store.clone(),
            clock.clone(),
            notifier.clone(),
            server_name.clone(),
            config.rate_limits.rc_key_requests,
        );
        let timelines = Timelines::new(store.clone(), clock.clone());
        let searches = Searches::new(store.clone(), clock.clone(), config.server.enable_search);
        let notifications = Notifications::new(store.clone(), clock.clone());
        let syncs = Syncs::new(
            store.clone(),
            clock.clone(),
            notifier.clone(),
            tasks.clone(),
            SyncSources {
                push_rules: push_rules.clone(),
                notifications: notifications.clone(),
                typing: typing.clone(),
                presence: presence.clone(),
            },
            sync_settings(&config),
        );
        let reports = Reports::new(
            store.clone(),
            clock.clone(),
            timelines.clone(),
            server_name.clone(),
            config.rate_limits.rc_reports,
        );
        let accounts = Accounts::new(
            store.clone(),
            sessions.clone(),
            device_lists.clone(),
            clock.clone(),
            random.clone(),
            account_settings(&config, server_name),
        );
        let health = Health::new(store.clone());
        let deactivations =
            Deactivations::new(store.clone(), accounts.clone(), push_rules.clone(), rooms.clone(), tasks);
        let interactive_auth = InteractiveAuth::new(InteractiveAuthParts {
            store,
            accounts: accounts.clone(),
            clock,
            random: random.clone(),
            rate_limits: config.rate_limits.clone(),
            session_timeout: config.session.ui_auth_session_timeout,
        });
        Self {
            accounts,
            deactivations,
            interactive_auth,
            sessions,
            rooms,
            profiles,
            directory,
            user_directory,
            timelines,
            searches,
            media,
            turn,
            syncs,
            filters,
            account_data,
            push_rules,
            devices,
            pushers,
            notifications,
            receipts,
            typing,
            presence,
            reports,
            device_keys,
            device_lists,
            to_device,
            key_backups,
            server_keys,
            notifier,
            health,
            random,
        }
    }
}

impl Services {
    /// Goes on with the work that a stop interrupted, before there are requests.
    pub fn resume(&self) {
        self.media.discard_unfinished();
        self.deactivations.resume();
    }
}

fn room_settings(config: &Config, server_name: OwnedServerName) -> RoomSettings {
    RoomSettings {
        server_name,
        // The configuration was checked to name a version that the event core knows.
        default_version: RoomVersionId::try_from(config.server.default_room_version.as_str())
            .unwrap_or(RoomVersionId::V11),
        default_encryption: config.rooms.encryption_enabled_by_default_for_room_type,
        power_levels: config.rooms.default_power_level_content_override.clone(),
        rate_limits: config.rate_limits.clone(),
        forget_on_leave: config.rooms.forget_rooms_on_leave,
        alias_rules: RoomRules::of_aliases(&config.rooms),
        publication_rules: RoomRules::of_publication(&config.rooms),
    }
}

fn directory_settings(config: &Config, server_name: OwnedServerName) -> DirectorySettings {
    DirectorySettings {
        server_name,
        alias_rules: RoomRules::of_aliases(&config.rooms),
        publication_rules: RoomRules::of_publication(&config.rooms),
        is_enabled: config.rooms.enable_room_list_search,
        is_open: config.server.allow_public_rooms_without_auth,
    }
}

fn profile_settings(config: &Config, server_name: OwnedServerName) -> ProfileSettings {
    ProfileSettings {
        server_name,
        enable_set_displayname: config.registration.enable_set_displayname,
        enable_set_avatar_url: config.registration.enable_set_avatar_url,
        require_auth: config.server.require_auth_for_profile_requests,
        limit_to_users_who_share_rooms: config.server.limit_profile_requests_to_users_who_share_rooms,
    }
}

/// What the configuration says about accounts.
pub fn account_settings(config: &Config, server_name: OwnedServerName) -> AccountSettings {
    AccountSettings {
        server_name,
        registration: config.registration.clone(),
        passwords: config.passwords.clone(),
        sessions: config.session.clone(),
        rate_limits: config.rate_limits.clone(),
    }
}

fn sync_settings(config: &Config) -> SyncSettings {
    let prejoin_state = &config.api.room_prejoin_state;
    SyncSettings {
        prejoin_state: prejoin_state
            .iter()
            .map(|selector| (selector.event_type.clone(), selector.state_key.clone()))
            .collect(),
        // What is no room id names no room.
        excluded_rooms: config
            .rooms
            .exclude_rooms_from_sync
            .iter()
            .filter_map(|room_id| room_id.as_str().try_into().ok())
            .collect(),
    }
}
