//! Makes services out of the configuration, and a router out of services.

use axum::Router;
use myelin_api::ApiState;
use myelin_config::{Config, DatabaseConfig, PostgresConfig};
use myelin_services::clock::Clock;
use myelin_services::random::Random;
use myelin_services::tasks::Tasks;
use myelin_services::wiring::{Parts, Services};
use myelin_storage::{EngineOptions, PostgresOptions, SqliteOptions, StorageError, Store, StoreOptions};
use url::form_urlencoded::Serializer;

use crate::signing_key::Keys;
use crate::{health, metrics, page};

/// Opens the database of the configuration.
///
/// # Errors
/// If it cannot be opened, is another server's, or newer than this program.
pub(crate) async fn open_store(config: &Config) -> anyhow::Result<Store> {
    Ok(Store::open(StoreOptions {
        engine: engine_options(&config.database)?,
        server_name: config.server.server_name.as_str().try_into()?,
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        new_incarnation: rand::random(),
    })
    .await?)
}

fn engine_options(config: &DatabaseConfig) -> Result<EngineOptions, StorageError> {
    match config {
        DatabaseConfig::Sqlite(sqlite) => Ok(EngineOptions::Sqlite(SqliteOptions::new(&sqlite.path))),
        DatabaseConfig::Postgres(postgres) => {
            let options = PostgresOptions::from_url(&postgres_url(postgres))?;
            Ok(EngineOptions::Postgres(match &postgres.password {
                Some(password) => options.with_password(password.expose()),
                None => options,
            }))
        }
    }
}

/// The settings as libpq's connection URL, without the password.
fn postgres_url(config: &PostgresConfig) -> String {
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let settings = [
        ("host", config.host.clone()),
        ("port", config.port.map(|port| port.to_string())),
        ("user", config.user.clone()),
        ("dbname", config.database.clone()),
        ("sslmode", config.ssl_mode.clone()),
        ("sslrootcert", path(&config.ssl_root_certificate_path)),
        ("sslcert", path(&config.ssl_certificate_path)),
        ("sslkey", path(&config.ssl_key_path)),
        ("application_name", config.application_name.clone()),
        ("options", config.options.clone()),
    ];
    let mut query = Serializer::for_suffix("postgres:///?".to_owned(), "postgres:///?".len());
    for (name, value) in settings {
        if let Some(value) = value {
            query.append_pair(name, &value);
        }
    }
    query.finish()
}

/// Everything that is answered.
///
/// # Errors
/// If the server's name is none.
pub(crate) fn router(config: &Config, store: Store, keys: Keys, tasks: Tasks) -> anyhow::Result<Router> {
    let clock = Clock::system();
    let services = Services::new(Parts {
        store: store.clone(),
        config: config.clone(),
        server_name: config.server.server_name.as_str().try_into()?,
        clock: clock.clone(),
        random: Random::system(),
        key: keys.signing,
        further_keys: keys.further,
        retired_keys: keys.retired,
        tasks: tasks.clone(),
    });
    services.resume();
    tasks.spawn(services.searches.clone().follow(tasks.clone()));
    let page = page::routes(&config.server.server_name, config.server.web_client_location.as_deref());
    let health = health::routes(services.health.clone());
    let state = ApiState::new(services.clone(), config);
    let mut router = Router::new().merge(page).merge(health);
    if config.metrics.enable_metrics {
        let mut registry = metrics::registry(clock.now_ts());
        let labelled = metrics::of_server(&mut registry, &config.server.server_name);
        store.register_metrics(labelled);
        state.http_metrics.register(labelled);
        services.register_metrics(store, tasks, labelled);
        router = router.merge(metrics::routes(registry));
    }
    Ok(myelin_api::client_router(state).merge(router))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgres_settings_become_a_url() {
        let config = PostgresConfig {
            host: Some("/run/postgresql".to_owned()),
            port: Some(5433),
            user: Some("syn apse".to_owned()),
            password: None,
            database: Some("matrix".to_owned()),
            ssl_mode: None,
            ssl_root_certificate_path: None,
            ssl_certificate_path: None,
            ssl_key_path: None,
            application_name: None,
            options: None,
            pool_min_connections: 1,
            pool_max_connections: 1,
        };
        let url = postgres_url(&config);
        assert_eq!(url, "postgres:///?host=%2Frun%2Fpostgresql&port=5433&user=syn+apse&dbname=matrix");
        assert!(PostgresOptions::from_url(&url).is_ok());
    }
}
