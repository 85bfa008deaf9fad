//! Alert rules, the dashboard and the questions of `docs/METRICS.md` are such as Prometheus and Grafana take.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tests::clients::{PROMTOOL, are_installed};
use tests::{Scratch, commands, workspace_folder};

const LIMIT: Duration = Duration::from_mins(1);

fn folder(name: &str) -> PathBuf {
    workspace_folder().join("deploy").join(name)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

async fn promtool(scratch: &Scratch, arguments: &[&str]) -> String {
    let mut command = commands::client(&PROMTOOL.path().display().to_string(), &scratch.home());
    command.args(arguments).current_dir(folder("prometheus"));
    let checked = commands::succeed(command, LIMIT).await;
    format!("{}{}", checked.text(), checked.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_alert_fires_in_its_trouble_and_in_no_other() {
    if !are_installed(&[PROMTOOL]) {
        return;
    }
    let scratch = Scratch::new();
    let said = promtool(&scratch, &["check", "config", "prometheus.yml"]).await;
    assert!(said.contains("1 rule files found"), "{said}");
    promtool(&scratch, &["check", "rules", "--lint-fatal", "alerts.yml"]).await;
    let said = promtool(&scratch, &["test", "rules", "alerts_test.yml"]).await;
    assert!(said.contains("SUCCESS"), "{said}");
    let named = |file: &str, mark: &str| {
        let text = read(&folder("prometheus").join(file));
        let names = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix(mark));
        names.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let alerts = named("alerts.yml", "- alert: ");
    assert!(alerts.len() > 10, "{alerts:?}");
    assert_eq!(
        named("alerts_test.yml", "alertname: "),
        alerts,
        "each has its trial"
    );
}

fn dashboard() -> Value {
    serde_json::from_str(&read(&folder("grafana/bazel-proxy.json"))).expect("JSON")
}

fn panels() -> Vec<Value> {
    let panels = dashboard()["panels"].as_array().expect("panels").clone();
    assert!(panels.len() > 20, "{}", panels.len());
    panels
}

#[test]
fn the_dashboards_panels_lie_side_by_side_and_explain_themselves() {
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels() {
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{panel}");
        let place = |name: &str| panel["gridPos"][name].as_u64().expect("a place");
        assert!(place("x") + place("w") <= 24, "{panel}");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(taken.insert((x, y)), "it overlaps: {panel}");
            }
        }
        assert!(
            panel["title"]
                .as_str()
                .is_some_and(|title| !title.is_empty())
        );
        if panel["type"] != "row" {
            assert!(
                panel["description"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{panel}"
            );
            assert!(
                !panel["fieldConfig"]["defaults"]["unit"].is_null(),
                "{panel}"
            );
            let targets = panel["targets"].as_array().expect("targets");
            let letters: BTreeSet<_> = targets
                .iter()
                .map(|target| target["refId"].to_string())
                .collect();
            assert_eq!(letters.len(), targets.len(), "{panel}");
            assert_eq!(panel["datasource"]["uid"], "${datasource}");
        }
    }
    assert_eq!(dashboard()["id"], Value::Null, "Grafana gives it its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_expression_of_dashboard_and_questions_can_be_parsed() {
    if !are_installed(&[PROMTOOL]) {
        return;
    }
    let panels = panels();
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array());
    let mut expressions: Vec<_> = targets
        .flatten()
        .map(|target| target["expr"].as_str().expect("an expression").to_owned())
        .collect();
    let document = read(&workspace_folder().join("docs/METRICS.md"));
    let (_, questions) = document.split_once("## Questions").expect("questions");
    let rows = questions
        .lines()
        .filter_map(|line| line.strip_suffix("` |")?.split_once(" | `"));
    expressions.extend(rows.map(|(_, expression)| expression.replace("\\|", "|")));
    assert!(expressions.len() > 40, "{}", expressions.len());
    let mut rules = "groups:\n- name: expressions\n  rules:\n".to_owned();
    for (number, expression) in expressions.iter().enumerate() {
        let filled = expression
            .replace("$__rate_interval", "5m")
            .replace("$__range", "1h")
            .replace("$instance", ".*");
        assert!(!filled.contains('$'), "{filled}");
        let filled = serde_json::to_string(&filled).expect("a JSON string is a YAML string");
        writeln!(rules, "  - record: expression:{number}\n    expr: {filled}").expect("written");
    }
    let scratch = Scratch::new();
    let file = scratch.path().join("rules.yml");
    #[expect(clippy::disallowed_methods, reason = "a scratch file")]
    std::fs::write(&file, rules).expect("a scratch file");
    let said = promtool(&scratch, &["check", "rules", &file.display().to_string()]).await;
    assert!(
        said.contains(&format!("{} rules found", expressions.len())),
        "{said}"
    );
}
