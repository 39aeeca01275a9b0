//! All options, a file for each section of Synapse's manual.
//!
//! To add an option: one call in its section's `read`, beside the field that it fills. Everything else (check, show,
//! reference, schema, manual page) follows.

use crate::reader::Reader;

pub(crate) mod api;
pub(crate) mod blocking;
pub(crate) mod caching;
pub(crate) mod captcha;
pub(crate) mod database;
pub(crate) mod email;
pub(crate) mod federation;
pub(crate) mod further;
pub(crate) mod listeners;
pub(crate) mod logging;
pub(crate) mod media;
pub(crate) mod metrics;
pub(crate) mod password;
pub(crate) mod presence;
pub(crate) mod proxy;
pub(crate) mod push;
pub(crate) mod ratelimiting;
pub(crate) mod registration;
pub(crate) mod rooms;
pub(crate) mod server;
pub(crate) mod session;
pub(crate) mod signing_keys;
pub(crate) mod single_sign_on;
pub(crate) mod tls;
pub(crate) mod turn;
pub(crate) mod workers;

#[cfg(test)]
mod tests;

/// A whole configuration, valid. A service gets its own section by value.
#[derive(Clone, Debug)]
pub struct Config {
    pub server: server::ServerConfig,
    pub listeners: Vec<listeners::Listener>,
    pub presence: presence::PresenceConfig,
    pub proxy: proxy::ProxyConfig,
    pub blocking: blocking::BlockingConfig,
    pub tls: tls::TlsConfig,
    pub federation: federation::FederationConfig,
    pub caches: caching::CachesConfig,
    pub database: database::DatabaseConfig,
    pub logging: logging::LogSettings,
    pub rate_limits: ratelimiting::RateLimitsConfig,
    pub media: media::MediaConfig,
    pub captcha: captcha::CaptchaConfig,
    pub turn: turn::TurnConfig,
    pub registration: registration::RegistrationConfig,
    pub session: session::SessionConfig,
    pub metrics: metrics::MetricsConfig,
    pub api: api::ApiConfig,
    pub signing_keys: signing_keys::SigningKeysConfig,
    pub passwords: password::PasswordConfig,
    pub push: push::PushConfig,
    pub rooms: rooms::RoomsConfig,
}

/// Reads every option; faults go to the reader's session. The order is that of Synapse's manual.
pub(crate) fn read(r: &mut Reader<'_, '_>) -> Config {
    r.section("Modules", further::read_modules);
    let server = r.section("Server", server::read);
    let listeners = r.section("Server", listeners::read);
    let presence = r.section("Server", presence::read);
    let proxy = r.section("Server", proxy::read);
    r.section("Server", further::read_manhole);
    r.section("Server", email::read);
    let config = Config {
        presence,
        proxy,
        blocking: r.section("Homeserver blocking", blocking::read),
        tls: r.section("TLS", tls::read),
        federation: r.section("Federation", federation::read),
        caches: r.section("Caching", caching::read),
        database: r.section("Database", database::read),
        logging: r.section("Logging", logging::read),
        rate_limits: r.section("Rate limits", ratelimiting::read),
        media: r.section("Media", media::read),
        captcha: r.section("Captcha", captcha::read),
        turn: r.section("TURN", turn::read),
        registration: r.section("Registration", registration::read),
        session: r.section("Sessions", session::read),
        metrics: r.section("Metrics", metrics::read),
        api: r.section("API", api::read),
        signing_keys: r.section("Signing keys", |r| signing_keys::read(r, &server.server_name)),
        passwords: r.section("Passwords", password::read),
        push: r.section("Push", push::read),
        rooms: r.section("Rooms", rooms::read),
        server,
        listeners,
    };
    r.section("Single sign-on", single_sign_on::read);
    r.section("Opentracing", further::read_opentracing);
    r.section("Coordinating workers", workers::read);
    r.section("Individual workers", workers::read_individual);
    r.section("Background updates", further::read_background_updates);
    r.section("Accepting invites", further::read_auto_accept_invites);
    r.section("Options without a manual", listeners::read_old);
    r.section("Options without a manual", further::read_undocumented);
    registration::check_open(r, &config.registration, config.captcha.enable_registration_captcha);
    let has_tls_listener = config.listeners.iter().any(|listener| listener.tls);
    tls::check_listeners(r, &config.tls, has_tls_listener);
    r.name_unknown();
    config
}
