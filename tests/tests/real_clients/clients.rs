//! Which of the real parts this machine has.

pub(crate) use tests::clients::{
    ACTIONLINT, AWS_CLI, BAZEL, BOTO3, CURL, GRADLE, MAVEN, OLD_AWS_CLI, Part, RADOSGW, RUBY,
    SAMPLE_JARS, SHELLCHECK, are_installed, are_there, clients_folder,
};

#[test]
fn a_missing_client_is_skipped_and_fails_only_where_it_is_required() {
    let absent = Part::new("a client that nobody has", "/no/such/client");
    assert!(!are_there(&[absent], false));
    assert!(are_there(&[], true));
    let failed = std::panic::catch_unwind(|| are_there(&[absent], true)).expect_err("a failure");
    assert_eq!(
        failed.downcast_ref::<String>().map(String::as_str),
        Some("skipped: a client that nobody has is not installed (tests/install-clients.sh)")
    );
}
