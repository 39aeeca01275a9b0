//! Memory.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::reader::Reader;
use crate::setting::Bytes;

/// What caches may hold.
#[derive(Clone, Debug)]
pub struct CachesConfig {
    /// Bytes of all caches together; Myelin's own option.
    pub budget: u64,
    pub sync_response_cache_duration: Duration,
}

const BUDGET: &str = "`caches.budget` sizes all caches, in bytes";

const ANSWERS: &str = "answers are not kept";

pub(crate) fn read(r: &mut Reader<'_, '_>) -> CachesConfig {
    r.never(BUDGET).know::<Bytes>("event_cache_size", "10K", "Number of events in memory.");
    r.group("caches", "Caches in memory.", |r| {
        let Bytes(budget) = r.not_yet("each cache has a bound of its own").get(
            "budget",
            "256M",
            "Bytes that all caches together may take. Synapse does not know this option.",
        );
        r.never(BUDGET).know::<f64>("global_factor", "0.5", "Factor on the size of every cache.");
        r.never(BUDGET).know::<BTreeMap<String, f64>>("per_cache_factors", "{}", "Factors of single caches.");
        r.never(BUDGET).know::<bool>(
            "expire_caches",
            "true",
            "Whether entries leave a cache when they get old.",
        );
        r.never(BUDGET).know::<Duration>("cache_entry_ttl", "30m", "How old they get.");
        r.never(BUDGET).group("cache_autotuning", "Sizes by the memory that is in use.", |r| {
            r.know::<Option<Bytes>>("max_cache_memory_usage", "null", "Above this entries are thrown out.");
            r.know::<Option<Bytes>>("target_cache_memory_usage", "null", "Down to this.");
            r.know::<Option<Duration>>("min_cache_ttl", "null", "Younger entries are kept.");
        });
        CachesConfig {
            budget,
            sync_response_cache_duration: r.not_yet(ANSWERS).get(
                "sync_response_cache_duration",
                "2m",
                "How long a sync answer is kept for a client that asks again.",
            ),
        }
    })
}
