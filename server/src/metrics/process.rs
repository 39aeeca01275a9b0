//! What the operating system knows of the process, in the names that every Prometheus client uses. Where it does not
//! say (memory and open files are only told by Linux's `/proc`), the metric is not there.

use std::fmt;
use std::fs;

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

#[derive(Debug)]
pub(super) struct ProcessCollector {
    started_seconds: f64,
}

impl ProcessCollector {
    pub(super) fn new(started_ts: i64) -> Self {
        Self { started_seconds: started_ts as f64 / 1000.0 }
    }
}

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
            let (user, system) = (seconds(usage.user_time()), seconds(usage.system_time()));
            for (name, help, value) in [
                ("process_cpu_seconds", "Processor time", user + system),
                ("process_cpu_user_seconds", "Processor time outside of the system", user),
                ("process_cpu_system_seconds", "Processor time in the system", system),
            ] {
                let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
                ConstCounter::new(value).encode(metric)?;
            }
        }
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let gauges = [
            ("process_start_time_seconds", "Start, in seconds since 1970", Some(self.started_seconds)),
            ("process_resident_memory_bytes", "Memory in use", bytes_of(&status, "VmRSS:")),
            ("process_virtual_memory_bytes", "Address space in use", bytes_of(&status, "VmSize:")),
            ("process_open_fds", "Open files and sockets", open_files()),
            ("process_max_fds", "Files and sockets that may be open", most_files()),
        ];
        for (name, help, value) in gauges {
            if let Some(value) = value {
                let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
                ConstGauge::new(value).encode(metric)?;
            }
        }
        Ok(())
    }
}

fn seconds(time: TimeVal) -> f64 {
    time.num_microseconds() as f64 / 1e6
}

/// The value of a line such as `VmRSS:     1234 kB`.
fn bytes_of(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0)
}

fn open_files() -> Option<f64> {
    let entries = fs::read_dir("/proc/self/fd").ok()?;
    // One of them is the list itself.
    Some(entries.count().saturating_sub(1) as f64)
}

fn most_files() -> Option<f64> {
    let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    Some(soft as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_its_line() {
        let status = "Name:\tmyelin\nVmSize:\t  200 kB\nVmRSS:\t    17 kB\n";
        assert_eq!(bytes_of(status, "VmRSS:"), Some(17408.0));
        assert_eq!(bytes_of(status, "VmSwap:"), None);
    }
}
