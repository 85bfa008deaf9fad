//! `deploy/kubernetes`, built by kustomize, and held against the schemas of Kubernetes.

use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;
use tests::Scratch;
use tests::clients::{KUBECTL, KUBERNETES_SCHEMAS, are_installed};
use tests::commands::{client, succeed};

use crate::manifests::{
    LIMIT, assert_is_a_configuration, at, checked, content, deploy, text, write,
};

/// The oldest and the newest that the manifests are held against.
const VERSIONS: [&str; 2] = ["1.29", "1.33"];
const OVERLAYS: [&str; 2] = ["irsa", "pod-identity"];
const COMPONENTS: [&str; 2] = ["tls", "monitoring"];

/// What kustomize makes of a folder, as a file.
async fn built(scratch: &Scratch, folder: &Path) -> PathBuf {
    let kubectl = KUBECTL.path().display().to_string();
    let mut kustomize = client(&kubectl, &scratch.home());
    kustomize.arg("kustomize").arg(folder);
    let built = succeed(kustomize, LIMIT).await;
    assert!(built.stderr.is_empty(), "{}", built.stderr);
    let file = scratch.path().join("built.yaml");
    write(&file, &built.stdout);
    file
}

/// An overlay's manifests, checked.
async fn overlay(scratch: &Scratch, name: &str) -> Vec<Value> {
    let file = built(scratch, &deploy("kubernetes/overlays").join(name)).await;
    list(&content(
        &checked(scratch, "kubernetes", &file, &VERSIONS).await,
    ))
}

fn list(manifests: &Value) -> Vec<Value> {
    manifests.as_array().expect("a list").clone()
}

fn is_there() -> bool {
    are_installed(&[KUBECTL, KUBERNETES_SCHEMAS])
}

fn find<'a>(manifests: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found = manifests.iter().find(|manifest| {
        text(manifest, "kind") == kind && text(manifest, "metadata.name").starts_with(name)
    });
    found.unwrap_or_else(|| panic!("no {kind} {name}"))
}

/// The container of a stateful set or deployment.
fn container<'a>(manifests: &'a [Value], kind: &str, name: &str) -> &'a Value {
    at(
        find(manifests, kind, name),
        "spec.template.spec.containers.0",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn each_overlay_is_valid_for_kubernetes_and_configures_the_proxy() {
    if !is_there() {
        return;
    }
    for name in OVERLAYS {
        let scratch = Scratch::new();
        let manifests = overlay(&scratch, name).await;
        let variables = at(find(&manifests, "ConfigMap", "bazel-proxy"), "data").clone();
        let variables: Vec<_> = variables
            .as_object()
            .expect("variables")
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().expect("text").to_owned()))
            .collect();
        let config = assert_is_a_configuration(&variables);
        // What clients may call is what the service is called.
        let service = find(&manifests, "Service", "bazel-proxy");
        let name = text(service, "metadata.name");
        let namespace = text(service, "metadata.namespace");
        for suffix in ["", ".svc", ".svc.cluster.local"] {
            let host = if suffix.is_empty() {
                name.to_owned()
            } else {
                format!("{name}.{namespace}{suffix}")
            };
            assert!(config.allowed_hosts.contains(&host), "{host}");
        }
    }
}

/// A folder that puts both components on an overlay, by relative paths, as kustomize wants them.
fn with_components(scratch: &Scratch, overlay: &str) -> PathBuf {
    let folder = scratch.path().canonicalize().expect("a path").join("mine");
    std::fs::create_dir(&folder).expect("a folder");
    let depth = folder
        .components()
        .filter(|part| matches!(part, Component::Normal(_)));
    let up = "../".repeat(depth.count());
    let path = |name: &str| {
        let path = deploy("kubernetes")
            .join(name)
            .canonicalize()
            .expect("a folder");
        let path = path
            .strip_prefix("/")
            .expect("absolute")
            .display()
            .to_string();
        format!("{up}{path}")
    };
    let mut text = format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n\
         namespace: bazel-proxy\nresources:\n  - {}\ncomponents:\n",
        path(&format!("overlays/{overlay}"))
    );
    for component in COMPONENTS {
        writeln!(text, "  - {}", path(&format!("components/{component}"))).expect("written");
    }
    write(&folder.join("kustomization.yaml"), text);
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_and_monitoring_can_be_put_on_each_overlay() {
    if !is_there() {
        return;
    }
    for name in OVERLAYS {
        let scratch = Scratch::new();
        let file = built(&scratch, &with_components(&scratch, name)).await;
        let manifests = list(&content(
            &checked(&scratch, "kubernetes", &file, &VERSIONS).await,
        ));
        let haproxy = container(&manifests, "Deployment", "haproxy");
        assert_eq!(variable(haproxy, "TLS_CERTIFICATE"), "/tls/team.pem");
        let service = find(&manifests, "Service", "bazel-proxy");
        assert_eq!(at(service, "spec.ports.0.port"), 443);
        // Each monitor finds a service with the port that it names.
        let monitors = manifests
            .iter()
            .filter(|manifest| text(manifest, "kind") == "ServiceMonitor");
        let monitors: Vec<_> = monitors.collect();
        assert_eq!(monitors.len(), 2);
        for monitor in monitors {
            let wanted = at(monitor, "spec.selector.matchLabels")
                .as_object()
                .expect("labels");
            let services = manifests
                .iter()
                .filter(|manifest| text(manifest, "kind") == "Service");
            let found: Vec<_> = services
                .filter(|service| {
                    let labels = at(service, "metadata.labels");
                    wanted
                        .iter()
                        .all(|(name, value)| labels.get(name) == Some(value))
                })
                .collect();
            assert_eq!(found.len(), 1, "{monitor:#}");
            let port = text(monitor, "spec.endpoints.0.port");
            assert_eq!(text(found[0], "spec.ports.0.name"), port);
        }
        // As the alerts and the dashboard call the job.
        let proxies = find(&manifests, "ServiceMonitor", "bazel-proxy");
        assert_eq!(text(proxies, "spec.jobLabel"), "app.kubernetes.io/name");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_with_a_mistake_is_found_out() {
    if !is_there() {
        return;
    }
    let scratch = Scratch::new();
    let file = built(&scratch, &deploy("kubernetes/overlays/irsa")).await;
    let good = std::fs::read_to_string(&file).expect("manifests");
    for (right, wrong) in [
        (
            "terminationGracePeriodSeconds: 40",
            "terminationGraceSeconds: 40",
        ),
        ("maxUnavailable: 1\n", "maxUnavailable: [1]\n"),
        ("replicas: 3", "replicas: three"),
        ("kind: PodDisruptionBudget", "kind: PodDisruptionBudgets"),
    ] {
        assert!(good.contains(right), "{right}");
        write(&file, good.replace(right, wrong));
        let checked = checked(&scratch, "kubernetes", &file, &VERSIONS).await;
        assert_eq!(checked.code(), 1, "{wrong} is taken");
    }
}

fn variable<'a>(container: &'a Value, name: &str) -> &'a str {
    let variables = at(container, "env").as_array().expect("variables");
    let found = variables
        .iter()
        .find(|variable| text(variable, "name") == name);
    text(found.unwrap_or_else(|| panic!("no {name}")), "value")
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_is_told_of_exactly_the_proxies_that_kubernetes_runs() {
    if !is_there() {
        return;
    }
    let scratch = Scratch::new();
    let manifests = overlay(&scratch, "irsa").await;
    let set = find(&manifests, "StatefulSet", "bazel-proxy");
    let replicas = at(set, "spec.replicas").as_u64().expect("a number");
    let port = at(set, "spec.template.spec.containers.0.ports.0.containerPort");
    let (name, service) = (text(set, "metadata.name"), text(set, "spec.serviceName"));
    let pods = find(&manifests, "Service", service);
    assert_eq!(text(pods, "spec.clusterIP"), "None");
    // A proxy that is not ready still has its hits.
    assert_eq!(at(pods, "spec.publishNotReadyAddresses"), true);
    let haproxy = container(&manifests, "Deployment", "haproxy");
    for ordinal in 0..replicas {
        let address = variable(haproxy, &format!("PROXY_{}", ordinal + 1));
        let expected = format!("{name}-{ordinal}.{service}.$(NAMESPACE).svc.cluster.local:{port}");
        assert_eq!(address, expected);
    }
    let variables = at(haproxy, "env").as_array().expect("variables");
    let told = variables
        .iter()
        .filter(|variable| text(variable, "name").starts_with("PROXY_"));
    assert_eq!(told.count() as u64, replicas);
}

#[tokio::test(flavor = "multi_thread")]
async fn liveness_is_healthz_readiness_readyz_and_no_pod_has_rights_it_does_not_need() {
    if !is_there() {
        return;
    }
    let scratch = Scratch::new();
    let manifests = overlay(&scratch, "pod-identity").await;
    let proxy = container(&manifests, "StatefulSet", "bazel-proxy");
    assert_eq!(text(proxy, "startupProbe.httpGet.path"), "/healthz");
    assert_eq!(text(proxy, "livenessProbe.httpGet.path"), "/healthz");
    assert_eq!(text(proxy, "readinessProbe.httpGet.path"), "/readyz");
    for (kind, name) in [("StatefulSet", "bazel-proxy"), ("Deployment", "haproxy")] {
        let pod = at(find(&manifests, kind, name), "spec.template.spec");
        assert_eq!(at(pod, "securityContext.runAsNonRoot"), true);
        assert_eq!(at(pod, "automountServiceAccountToken"), false);
        assert_eq!(
            text(pod, "securityContext.seccompProfile.type"),
            "RuntimeDefault"
        );
        let context = at(pod, "containers.0.securityContext");
        assert_eq!(at(context, "readOnlyRootFilesystem"), true);
        assert_eq!(at(context, "allowPrivilegeEscalation"), false);
        assert_eq!(text(context, "capabilities.drop.0"), "ALL");
    }
}
