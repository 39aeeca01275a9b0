//! Hands events to the systemd journal with their fields, each a journal field of its own.

use std::collections::BTreeMap;
use std::fmt;

use log::kv::{self, Key, Value, VisitSource};
use systemd_journal_logger::JournalLog;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// A layer that writes to the journal's socket.
pub(super) struct JournalLayer {
    journal: JournalLog,
}

impl JournalLayer {
    /// # Errors
    /// If the journal's socket cannot be reached.
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self { journal: JournalLog::empty()?.with_syslog_identifier("myelin".to_owned()) })
    }
}

/// The fields of a span or an event; `message` is the event's text.
#[derive(Clone, Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl kv::Source for Fields {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), kv::Error> {
        for (name, value) in &self.0 {
            visitor.visit_pair(Key::from_str(name), Value::from(value.as_str()))?;
        }
        Ok(())
    }
}

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for JournalLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flatten().collect::<Vec<_>>().into_iter().rev() {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.0.extend(of_span.0.clone());
            }
        }
        event.record(&mut fields);
        let message = readable(&mut fields);
        let metadata = event.metadata();
        // The journal cannot be told that it does not work.
        let _ = self.journal.journal_send(
            &log::Record::builder()
                .args(format_args!("{message}"))
                .level(level(*metadata.level()))
                .target(metadata.target())
                .module_path(metadata.module_path())
                .file(metadata.file())
                .line(metadata.line())
                .key_values(&fields)
                .build(),
        );
    }
}

/// The message, with the fields behind it: `journalctl` shows the message alone.
fn readable(fields: &mut Fields) -> String {
    let mut text = fields.0.remove("message").unwrap_or_default();
    for (name, value) in &fields.0 {
        text.push_str(&format!(" {name}={value}"));
    }
    text
}

fn level(level: Level) -> log::Level {
    match level {
        Level::ERROR => log::Level::Error,
        Level::WARN => log::Level::Warn,
        // The journal crate maps `Info` to "notice" and `Debug` to "info".
        Level::INFO => log::Level::Debug,
        Level::DEBUG | Level::TRACE => log::Level::Trace,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_carries_its_fields() {
        let mut fields = Fields::default();
        fields.0.insert("message", "listening".to_owned());
        fields.0.insert("port", "8008".to_owned());
        assert_eq!(readable(&mut fields), "listening port=8008");
        assert!(!fields.0.contains_key("message"));
    }
}
