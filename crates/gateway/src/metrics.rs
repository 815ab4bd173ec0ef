//! A few counters in Prometheus' text form.
use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering},
};

use http::StatusCode;

/// The counters.
#[derive(Default)]
pub(crate) struct Metrics {
    answers: [AtomicU64; 6],
    pub(crate) connections_accepted: AtomicU64,
    pub(crate) connections_refused: AtomicU64,
    pub(crate) handshakes_failed: AtomicU64,
    pub(crate) panics: AtomicU64,
}

impl Metrics {
    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn answered(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).min(self.answers.len() - 1);
        Self::count(&self.answers[class]);
    }
    /// The text form; `gauges` are values kept elsewhere.
    pub(crate) fn render(&self, gauges: &[(&str, u64)]) -> String {
        let mut text = String::from("# TYPE grange_http_answers_total counter\n");
        for (class, counter) in self.answers.iter().enumerate().skip(1) {
            let value = counter.load(Ordering::Relaxed);
            let _ = writeln!(text, "grange_http_answers_total{{class=\"{class}xx\"}} {value}");
        }
        for (name, counter) in [
            ("grange_connections_accepted_total", &self.connections_accepted),
            ("grange_connections_refused_total", &self.connections_refused),
            ("grange_tls_handshakes_failed_total", &self.handshakes_failed),
            ("grange_panics_total", &self.panics),
        ] {
            let value = counter.load(Ordering::Relaxed);
            let _ = writeln!(text, "# TYPE {name} counter\n{name} {value}");
        }
        for (name, value) in gauges {
            let _ = writeln!(text, "# TYPE {name} gauge\n{name} {value}");
        }
        text
    }
}
