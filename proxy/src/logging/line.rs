//! A line of the log with the id of the request that it is about.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::config::LogFormat;
use crate::request;

/// Writes lines by another format, and the id at their end.
pub(super) struct WithRequest<F> {
    inner: F,
    format: LogFormat,
}

impl<F> WithRequest<F> {
    pub(super) fn new(inner: F, format: LogFormat) -> Self {
        Self { inner, format }
    }
}

impl<S, N, F> FormatEvent<S, N> for WithRequest<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(request) = request::current() else {
            return self.inner.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.inner
            .format_event(context, Writer::new(&mut line), event)?;
        match self.format {
            LogFormat::Text => {
                let text = line.trim_end_matches('\n');
                writeln!(writer, "{text} request_id={}", request.id())
            }
            LogFormat::Json => match line.trim_end_matches('\n').strip_suffix('}') {
                // The id needs no escaping: see `RequestId::given`.
                Some(members) => writeln!(writer, r#"{members},"request_id":"{}"}}"#, request.id()),
                None => writer.write_str(&line),
            },
        }
    }
}
