//! Seeks secrets in whatever is given to it, however they are written there.

use std::{collections::BTreeMap, fs, path::Path};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use url::form_urlencoded::byte_serialize;

use crate::{
    api::{Answer, Api},
    support::text,
};

/// Where a secret may have gone, and what stands there.
pub(crate) type Place = (String, String);

/// What was planted, by name, and the places to search.
pub(crate) struct Search {
    pub(crate) secrets: BTreeMap<String, String>,
    pub(crate) places: Vec<Place>,
}

impl Search {
    pub(crate) fn new() -> Self {
        Self {
            secrets: BTreeMap::new(),
            places: Vec::new(),
        }
    }

    pub(crate) fn plant(&mut self, name: &str, secret: impl Into<String>) -> String {
        let secret = secret.into();
        self.secrets.insert(name.to_owned(), secret.clone());
        secret
    }

    /// Calls, and keeps the whole answer. What it `shows` once is planted, and may stand in this answer alone.
    pub(crate) async fn call(
        &mut self,
        api: &Api,
        (method, path): (Method, &str),
        body: Option<Value>,
        shows: Option<&str>,
    ) -> Answer {
        let answer = api.call(method.clone(), path, body).await;
        let mut whole = format!("{:?}\n{}", answer.headers, answer.body);
        if let Some(name) = shows {
            let shown = text(&answer.body, name);
            let place = format!("{name} of {method} {path}");
            self.plant(&place, &shown);
            whole = whole.replace(&shown, "");
        }
        let path = path.split('?').next().unwrap_or_default();
        self.places
            .push((format!("the answer of {method} {path}"), whole));
        answer
    }

    pub(crate) async fn post(
        &mut self,
        api: &Api,
        path: &str,
        body: Value,
        shows: Option<&str>,
    ) -> Value {
        let answer = self
            .call(api, (Method::POST, path), Some(body), shows)
            .await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        answer.body
    }

    pub(crate) fn add(&mut self, place: String, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.places.push((place, text));
    }

    /// The files whose names begin so, and those in such folders.
    pub(crate) fn add_files(&mut self, folder: &TempDir, begin: &str) {
        self.add_files_in(folder.path(), begin);
    }

    fn add_files_in(&mut self, folder: &Path, begin: &str) {
        for file in fs::read_dir(folder).unwrap() {
            let file = file.unwrap().path();
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            if !name.starts_with(begin) {
                continue;
            }
            match file.is_dir() {
                true => self.add_files_in(&file, ""),
                false => self.add(name, &fs::read(&file).unwrap()),
            }
        }
    }

    /// Which secret stands where.
    pub(crate) fn found(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (name, secret) in &self.secrets {
            for (form, needle) in forms(secret) {
                let holds = |place: &&Place| place.1.contains(&needle);
                let places = self.places.iter().filter(holds);
                found.extend(places.map(|(place, _)| format!("{name} ({form}) stands in {place}")));
            }
        }
        found
    }
}

/// A secret as it may have been written down.
fn forms(secret: &str) -> Vec<(&'static str, String)> {
    let mut forms = vec![
        ("plain", secret.to_owned()),
        ("URL-encoded", byte_serialize(secret.as_bytes()).collect()),
        (
            "as JSON",
            json!(secret).to_string().trim_matches('"').to_owned(),
        ),
        (
            "as Debug",
            format!("{secret:?}").trim_matches('"').to_owned(),
        ),
        ("hex", secret.bytes().map(|b| format!("{b:02x}")).collect()),
        ("HEX", secret.bytes().map(|b| format!("{b:02X}")).collect()),
        (
            "as a list",
            format!("{:?}", secret.as_bytes())
                .trim_matches(['[', ']'])
                .to_owned(),
        ),
    ];
    // Within a longer text, base64 looks otherwise for each place modulo 3; its first and last letters also depend on
    // what is beside.
    for before in 0..3 {
        let bytes = [&vec![0; before][..], secret.as_bytes()].concat();
        let whole = bytes.len() / 3 * 4;
        let first = [0, 2, 3][before];
        forms.push(("base64", STANDARD.encode(&bytes)[first..whole].to_owned()));
        forms.push((
            "base64 for URLs",
            URL_SAFE.encode(&bytes)[first..whole].to_owned(),
        ));
    }
    forms
}

#[test]
fn a_secret_should_be_found_however_it_is_written() {
    let secret = "s3cret + \"more\" / ü";
    for (form, text) in forms(secret) {
        let mut search = Search::new();
        search.plant("it", secret);
        search.places.push(("here".to_owned(), format!("x{text}y")));
        assert!(!search.found().is_empty(), "{form}");
    }
    for before in ["", "1", "12", "123"] {
        let mut search = Search::new();
        search.plant("it", secret);
        let hidden = STANDARD.encode(format!("{before}{secret} and after"));
        search.places.push(("here".to_owned(), hidden));
        assert!(!search.found().is_empty(), "{before}");
    }
}
