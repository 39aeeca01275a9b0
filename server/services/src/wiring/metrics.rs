//! What the services show to those who watch the server: read when somebody asks, so that it costs nothing meanwhile.

use std::fmt;

use myelin_storage::Store;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};

use super::Services;
use crate::{cache::CacheSize, tasks::Tasks};

struct ServicesCollector {
    services: Services,
    store: Store,
    tasks: Tasks,
}

impl fmt::Debug for ServicesCollector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ServicesCollector").finish_non_exhaustive()
    }
}

impl Services {
    /// Lets a registry show what the services know of themselves.
    pub fn register_metrics(&self, store: Store, tasks: Tasks, registry: &mut Registry) {
        registry.register_collector(Box::new(ServicesCollector { services: self.clone(), store, tasks }));
    }

    fn cache_sizes(&self) -> Vec<CacheSize> {
        let mut sizes = vec![
            self.sessions.cache_size(),
            self.push_rules.cache_size(),
            self.notifications.cache_size(),
            self.rooms.cache_size(),
        ];
        sizes.extend(self.syncs.cache_sizes());
        sizes
    }
}

impl Collector for ServicesCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        counter(
            &mut encoder,
            "synapse_storage_events_persisted_events",
            "Events that were stored",
            self.services.rooms.persisted_events(),
        )?;
        counter(
            &mut encoder,
            "myelin_tasks_failed",
            "Background tasks that ended by a panic",
            self.tasks.failed(),
        )?;
        gauge(
            &mut encoder,
            "synapse_notifier_listeners",
            "Requests that wait for something new",
            self.services.notifier.waiters(),
        )?;
        gauge(
            &mut encoder,
            "myelin_storage_waiting_units",
            "Units of work that wait for the writer",
            self.store.waiting_units() as u64,
        )?;
        let sizes = self.services.cache_sizes();
        let entries = sizes.iter().map(|size| (size.name, size.entries as u64));
        by_name(&mut encoder, "synapse_util_caches_cache_size", "Entries of a cache", entries)?;
        let bytes = sizes.iter().filter_map(|size| Some((size.name, size.bytes?)));
        by_name(&mut encoder, "myelin_cache_bytes", "Size of a cache that is bounded by its size", bytes)
    }
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let metric = ConstCounter::new(value);
    metric.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
}

fn by_name(
    encoder: &mut DescriptorEncoder<'_>,
    metric: &str,
    help: &str,
    values: impl Iterator<Item = (&'static str, u64)>,
) -> fmt::Result {
    let mut encoder = encoder.encode_descriptor(metric, help, None, MetricType::Gauge)?;
    for (name, value) in values {
        ConstGauge::new(value).encode(encoder.encode_family(&[("name", name)])?)?;
    }
    Ok(())
}
