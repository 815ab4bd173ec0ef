//! Logs go to standard error; GRANGE_LOG chooses.
use tracing_subscriber::EnvFilter;

const SERVER_DEFAULT: &str = "info,kube_client=warn,kube_runtime=error,hyper=warn,h2=warn";
const CLIENT_DEFAULT: &str = "error,rustls_platform_verifier=off";

pub(crate) fn start(is_client: bool) {
    let default = if is_client { CLIENT_DEFAULT } else { SERVER_DEFAULT };
    let filter = match std::env::var("GRANGE_LOG") {
        Ok(text) if !text.is_empty() => EnvFilter::try_new(&text).unwrap_or_else(|error| {
            eprintln!("warning: GRANGE_LOG is ignored: {error}");
            EnvFilter::new(default)
        }),
        _ => EnvFilter::new(default),
    };
    let has_color =
        std::env::var_os("NO_COLOR").is_none() && std::io::IsTerminal::is_terminal(&std::io::stderr());
    // A log that cannot be written (a full disk) must not take down the thread that had something to say.
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    if std::env::var("GRANGE_LOG_FORMAT").as_deref() == Ok("json") {
        builder.json().init();
    } else {
        builder.with_ansi(has_color).init();
    }
}
