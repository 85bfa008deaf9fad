//! `dynamic_services`: folders in which services come and go, and which of their files count.

use std::path::Path;
use std::time::Duration;

use super::reader::{Field, Fields, Reading, Text};
use super::yaml::Value;
use super::{DirectoryConfig, DynamicServicesConfig, FilePatterns};

/// CredProxy's.
pub(super) const DEFAULT_FOLDER: &str = "/credproxy/dynamic";
/// The bounds of CredProxy's schema, in seconds.
pub(super) const RELOAD_SECONDS: std::ops::RangeInclusive<i64> = 1..=60;
pub(super) const STOP_SECONDS: std::ops::RangeInclusive<i64> = 1..=300;
/// Changes are looked for so often, unless the file says otherwise.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);
/// What a compiled pattern may occupy, in bytes.
const LARGEST_PATTERN: usize = 1 << 20;

/// `dynamic_services`, where they are enabled.
pub(super) fn dynamic_services(
    reading: &mut Reading<'_>,
    field: &Field<'_>,
) -> Option<DynamicServicesConfig> {
    let mut fields = reading.fields(field)?;
    let enabled = fields.take("enabled");
    let enabled = enabled
        .and_then(|field| reading.boolean(&field))
        .unwrap_or_default();
    let patterns = patterns(reading, &mut fields, None);
    let one = fields.take("directory");
    let several = fields.take("directories");
    let interval = fields.take("reload_interval");
    let interval = interval.and_then(|field| reading.whole(&field, RELOAD_SECONDS));
    // Nothing waits for a watcher here, but the key is CredProxy's.
    if let Some(field) = fields.take("watcher_stop_timeout") {
        let _: Option<u64> = reading.whole(&field, STOP_SECONDS);
    }
    fields.finish(reading);
    if let (Some(_), Some(several)) = (&one, &several) {
        let problem = format!("{}: directory stands beside it", several.path);
        let cure = "Put that folder into this list, and remove it there.";
        reading.fault(several.node.mark, problem, cure);
    }
    let directories = match (several, one) {
        (Some(field), _) => directories(reading, &field, &patterns),
        (None, Some(field)) => directory(reading, &field, &patterns).into_iter().collect(),
        (None, None) => vec![DirectoryConfig {
            path: DEFAULT_FOLDER.into(),
            files: patterns,
        }],
    };
    enabled.then_some(DynamicServicesConfig {
        directories,
        reload_interval: interval.map_or(DEFAULT_INTERVAL, Duration::from_secs),
    })
}

fn directories(
    reading: &mut Reading<'_>,
    field: &Field<'_>,
    patterns: &FilePatterns,
) -> Vec<DirectoryConfig> {
    let items = reading.items(field);
    if items.is_empty() {
        let problem = format!("{}: no folder is named", field.path);
        let cure = "Name one, or leave the key out for /credproxy/dynamic.";
        reading.fault(field.node.mark, problem, cure);
    }
    let items = items.iter();
    items
        .filter_map(|item| directory(reading, item, patterns))
        .collect()
}

/// A path alone, or a mapping with patterns of its own.
fn directory(
    reading: &mut Reading<'_>,
    field: &Field<'_>,
    patterns: &FilePatterns,
) -> Option<DirectoryConfig> {
    if let Value::Scalar { .. } = field.node.value {
        return Some(DirectoryConfig {
            path: reading.file_path(field)?,
            files: patterns.clone(),
        });
    }
    let mut fields = reading.fields(field)?;
    let path = fields.need("path", reading, "Name the folder.");
    let files = self::patterns(reading, &mut fields, Some(patterns));
    fields.finish(reading);
    Some(DirectoryConfig {
        path: reading.file_path(&path?)?,
        files,
    })
}

/// `include_patterns`, `exclude_patterns` and `file_pattern`; each that is not given is the outer one.
fn patterns(
    reading: &mut Reading<'_>,
    fields: &mut Fields<'_>,
    outer: Option<&FilePatterns>,
) -> FilePatterns {
    let outer = outer.cloned().unwrap_or_default();
    let include = expressions(reading, fields.take("include_patterns").as_ref());
    let exclude = expressions(reading, fields.take("exclude_patterns").as_ref());
    let glob = fields.take("file_pattern").and_then(|field| {
        let text = reading.text(&field)?;
        let compiled = glob::Pattern::new(&text.value);
        if let Err(error) = &compiled {
            let problem = format!("is not a pattern: {}", error.msg);
            reading.fault_of(&text, &problem, "For example *.yaml.");
        }
        compiled.ok()
    });
    FilePatterns {
        include: include.unwrap_or(outer.include),
        exclude: exclude.unwrap_or(outer.exclude),
        glob: glob.or(outer.glob),
    }
}

fn expressions(reading: &mut Reading<'_>, field: Option<&Field<'_>>) -> Option<Vec<regex::Regex>> {
    let texts = reading.texts(field?);
    // CredProxy's documents write `[""]` for no pattern at all.
    let texts = texts.iter().filter(|text| !text.value.is_empty());
    Some(texts.filter_map(|text| expression(reading, text)).collect())
}

/// As Python's `re.match` takes it: from the beginning on, but not to the end.
fn expression(reading: &mut Reading<'_>, text: &Text) -> Option<regex::Regex> {
    let anchored = format!("^(?:{})", text.value);
    let compiled = regex::RegexBuilder::new(&anchored)
        .size_limit(LARGEST_PATTERN)
        .build();
    if let Err(error) = &compiled {
        let error = error.to_string();
        let reason = error.lines().last().unwrap_or_default();
        let reason = reason.strip_prefix("error: ").unwrap_or(reason);
        let problem = format!("is not a pattern: {reason}");
        let cure = "Write a regular expression for the file's name, for example ^dev-.*\\.yaml$";
        reading.fault_of(text, &problem, cure);
    }
    compiled.ok()
}

impl FilePatterns {
    /// Whether the file at this path counts.
    #[must_use]
    pub fn take(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let whole = path.to_string_lossy();
        let is_in = |patterns: &[regex::Regex]| {
            let is_match =
                |pattern: &regex::Regex| pattern.is_match(&name) || pattern.is_match(&whole);
            patterns.iter().any(is_match)
        };
        let end = path.extension().unwrap_or_default().to_string_lossy();
        let has_known_end = matches!(&*end.to_ascii_lowercase(), "yaml" | "yml" | "json");
        let is_named_well = match &self.glob {
            Some(glob) => glob.matches(&name),
            None => has_known_end,
        };
        // What is hidden is an editor's, or Kubernetes'.
        !name.starts_with('.')
            && is_named_well
            && (self.include.is_empty() || is_in(&self.include))
            && !is_in(&self.exclude)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(include: &[&str], exclude: &[&str]) -> FilePatterns {
        let compile = |patterns: &[&str]| {
            let compile = |pattern: &&str| regex::Regex::new(&format!("^(?:{pattern})"));
            patterns
                .iter()
                .map(compile)
                .collect::<Result<_, _>>()
                .expect("patterns")
        };
        FilePatterns {
            include: compile(include),
            exclude: compile(exclude),
            glob: None,
        }
    }

    #[test]
    fn files_are_chosen_as_credproxy_documents_it() {
        let any = FilePatterns::default();
        assert!(any.take(Path::new("/d/app.yaml")) && any.take(Path::new("/d/app.JSON")));
        assert!(!any.take(Path::new("/d/app.yaml~")) && !any.take(Path::new("/d/.app.yaml")));
        let dev = patterns(&["^dev-.*\\.yaml$"], &["^\\..*"]);
        assert!(dev.take(Path::new("/d/dev-app.yaml")));
        assert!(!dev.take(Path::new("/d/my-dev-app.yaml")));
        let below = patterns(&[".*/production/.*\\.yaml$"], &[".*\\.bak$"]);
        assert!(below.take(Path::new("/d/production/app.yaml")));
        assert!(!below.take(Path::new("/d/production/app.yaml.bak")));
        let all = patterns(&[".*"], &[]);
        assert!(all.take(Path::new("/d/app.yml")) && !all.take(Path::new("/d/README.md")));
        assert!(!all.take(Path::new("/d/.#app.yml")), "an editor's");
        let dev = patterns(&["^dev-"], &[]);
        assert!(dev.take(Path::new("/d/dev-app.yaml")));
        assert!(!dev.take(Path::new("/d/dev-app.yaml~")), "a backup");
        let of = |glob: &str, include: &[&str]| FilePatterns {
            glob: Some(glob::Pattern::new(glob).expect("a pattern")),
            ..patterns(include, &[])
        };
        let glob = of("*.conf", &[]);
        assert!(glob.take(Path::new("/d/a.conf")) && !glob.take(Path::new("/d/a.yaml")));
        assert!(!glob.take(Path::new("/d/.a.conf")));
        let both = of("*.conf", &["^a"]);
        assert!(both.take(Path::new("/d/a.conf")) && !both.take(Path::new("/d/b.conf")));
    }
}
