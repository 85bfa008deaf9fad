//! Variables of CredProxy that have no effect here: whoever comes from it should not have to find out by
//! experience. Its documentation lists them
//! (<https://credproxy.readthedocs.io/en/latest/configuration/environment-variables.html>).

/// Each with what does the same here.
const WITHOUT_EFFECT: [(&str, &str); 18] = [
    ("CREDPROXY_CONFIG_PATH", IN_CONFIG_FILE),
    ("CREDPROXY_NAMESPACE", NEVER),
    ("CREDPROXY_FROM_ENV_TAG", NEVER),
    ("CREDPROXY_FROM_FILE_TAG", NEVER),
    ("CREDPROXY_TAG_SEPARATOR", NEVER),
    ("CREDPROXY_HOST", "write `server.host` in the file"),
    ("CREDPROXY_PORT", "write `server.port` in the file"),
    (
        "CREDPROXY_DEBUG",
        "write `server.debug` in the file, or set LOG_LEVEL=debug",
    ),
    ("CREDPROXY_LOG_FORMAT", "set LOG_FORMAT"),
    (
        "CREDPROXY_REFRESH_BUFFER_SECONDS",
        "write `credentials.refresh_buffer_seconds` in the file",
    ),
    (
        "CREDPROXY_RETRY_DELAY",
        "write `credentials.retry_delay` in the file",
    ),
    (
        "CREDPROXY_REQUEST_TIMEOUT",
        "write `credentials.request_timeout` in the file",
    ),
    (
        "CREDPROXY_DYNAMIC_SERVICES_ENABLED",
        "write `dynamic_services.enabled` in the file",
    ),
    (
        "CREDPROXY_DYNAMIC_SERVICES_DIRECTORIES",
        "write `dynamic_services.directories` in the file",
    ),
    (
        "CREDPROXY_DYNAMIC_SERVICES_RELOAD_INTERVAL",
        "write `dynamic_services.reload_interval` in the file",
    ),
    (
        "CREDPROXY_METRICS_PROMETHEUS_ENABLED",
        "write `metrics.prometheus.enabled` in the file",
    ),
    (
        "CREDPROXY_METRICS_PROMETHEUS_HOST",
        "write `metrics.prometheus.host` in the file",
    ),
    (
        "CREDPROXY_METRICS_PROMETHEUS_PORT",
        "write `metrics.prometheus.port` in the file",
    ),
];
const IN_CONFIG_FILE: &str = "set BAZEL_PROXY_CONFIG_FILE, or CREDPROXY_CONFIG_FILE";
const NEVER: &str = "`${fromEnv:NAME}` and `${fromFile:/path}` are always written so";

/// A line for each of them that is set.
pub(super) fn without_effect(vars: &impl Fn(&str) -> Option<String>) -> Vec<String> {
    let is_set = |name: &str| vars(name).is_some_and(|value| !value.trim().is_empty());
    let set = WITHOUT_EFFECT.iter().filter(|(name, _)| is_set(name));
    set.map(|(name, instead)| format!("{name} has no effect: {instead}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::VARIABLES;

    #[test]
    fn what_is_set_and_not_read_is_told_with_what_does_it() {
        let vars = |name: &str| match name {
            "CREDPROXY_PORT" => Some("1338".to_owned()),
            "CREDPROXY_HOST" => Some(" ".to_owned()),
            "CREDPROXY_LOG_LEVEL" => Some("info".to_owned()),
            _ => None,
        };
        let told = without_effect(&vars);
        assert_eq!(
            told,
            ["CREDPROXY_PORT has no effect: write `server.port` in the file"]
        );
    }

    #[test]
    fn none_of_them_is_read() {
        for (name, _) in WITHOUT_EFFECT {
            assert!(
                VARIABLES.iter().all(|variable| variable.name != name),
                "{name}"
            );
        }
    }
}
