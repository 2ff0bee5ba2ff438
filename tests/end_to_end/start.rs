//! How the server starts: a wrong value ends the start with one line that names the variable and what it takes.

use std::process::Command;

use crate::support::binary;

#[test]
fn a_wrong_value_should_be_named() {
    for (name, value) in [
        ("SHAREVILLE_LISTEN", "somewhere"),
        ("SHAREVILLE_PUBLIC_URL", "example.org"),
        ("SHAREVILLE_STORE", "mysql://secret@host"),
        ("SHAREVILLE_META", "facebook"),
        ("SHAREVILLE_ROLE", "boss"),
        ("SHAREVILLE_WORKER_CONCURRENCY", "0"),
        ("SHAREVILLE_LEASE_SECONDS", "-1"),
        ("SHAREVILLE_COMMIT_SECONDS", "soon"),
        ("SHAREVILLE_RETRY_BASE_SECONDS", "0"),
        ("SHAREVILLE_UNCERTAIN_SECONDS", "NaN"),
        ("SHAREVILLE_MEDIA_PREFLIGHT", "perhaps"),
        ("SHAREVILLE_CLIENT_SECONDS", "never"),
        ("SHAREVILLE_DRAIN_SECONDS", "-1"),
        ("SHAREVILLE_ENCRYPTION_KEYS", "a:c2hvcnRzZWNyZXQ="),
        ("SHAREVILLE_PUBLIC_URL", "http://user:secret@localhost"),
        ("SHAREVILLE_STORE", "sqlite:///nowhere/at/all/shareville.db"),
        ("SHAREVILLE_MEDIA_STORE", "a folder"),
        ("SHAREVILLE_MEDIA_STORE", "file://"),
        ("SHAREVILLE_MEDIA_STORE", "s3://me:secret@bucket"),
        ("RUST_LOG", "a=b=c="),
        ("SHAREVILLE_SIGN_UP", "maybe"),
        ("SHAREVILLE_ALLOW_PRIVATE_ADDRESSES", "some"),
        ("SHAREVILLE_RATE_LIMIT", "0:5"),
        ("SHAREVILLE_PROXIES", "nginx"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new(binary())
            .current_dir(folder.path())
            .env_clear()
            .env(name, value)
            .output()
            .unwrap();
        assert!(!output.status.success(), "{name}={value} was taken");
        let log = String::from_utf8_lossy(&output.stderr);
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(log.contains(name), "{log}");
        assert!(
            !log.contains("secret") && !log.contains("c2hvcnRzZWNyZXQ"),
            "{log}"
        );
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            0,
            "{name}: something was written"
        );
    }
}

#[test]
fn meta_should_be_named_where_the_public_url_is_not_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(binary())
        .current_dir(folder.path())
        .env_clear()
        .env("SHAREVILLE_PUBLIC_URL", "https://share.example.org")
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("SHAREVILLE_META"));
}

#[test]
fn a_database_without_its_keys_should_not_be_started_on() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("shareville.db"),
        "sealed with keys that are gone",
    )
    .unwrap();
    let output = Command::new(binary())
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap();
    assert!(!output.status.success());
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(log.contains("SHAREVILLE_ENCRYPTION_KEYS"), "{log}");
    assert!(
        !folder.path().join("shareville.db.keys").exists(),
        "none were made that open nothing"
    );
}
