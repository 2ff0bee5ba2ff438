//! The document tells what the router does: held to it from outside.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::world::{Answer, World};

/// An operation of the document.
struct Operation {
    method: String,
    path: String,
    told: Value,
}

impl Operation {
    fn name(&self) -> &str {
        self.told["operationId"].as_str().unwrap()
    }

    /// The scope that an API key needs; `None` where no API key is taken.
    fn scope(&self) -> Option<&str> {
        let security = self.told["security"].as_array().unwrap();
        let scopes = security.iter().find_map(|it| it.get("apiKey"))?;
        Some(scopes[0].as_str().unwrap_or_default())
    }

    fn takes(&self, scheme: &str) -> bool {
        let security = self.told["security"].as_array().unwrap();
        security.iter().any(|it| it.get(scheme).is_some())
    }

    fn parameters(&self, place: &str) -> BTreeSet<String> {
        let parameters = self.told["parameters"].as_array().into_iter().flatten();
        parameters
            .filter(|parameter| parameter["in"] == place)
            .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Its path with something in each place that nothing has.
    fn somewhere(&self) -> String {
        let nothing = "01900000-0000-7000-8000-000000000000";
        let is_provider = self.path.ends_with("/connect") || self.path.ends_with("/callback");
        let connection = if is_provider { "facebook" } else { nothing };
        self.path
            .replace("{connection}", connection)
            .replace("{userId}", "nobody")
            .split('/')
            .map(|part| if part.starts_with('{') { nothing } else { part })
            .collect::<Vec<_>>()
            .join("/")
    }

    async fn call(&self, world: &World, key: &str, query: &str, body: Option<Value>) -> Answer {
        let path = format!("{}{query}", self.somewhere());
        let call = match self.method.as_str() {
            "get" => world.get(&path),
            "post" => world.post(&path),
            "patch" => world.patch(&path),
            "delete" => world.delete(&path),
            other => panic!("{other}"),
        };
        let call = match self.scope() {
            Some(_) => call.key(key),
            None if self.takes("owner") => call.owner("alice"),
            None => call,
        };
        match body {
            Some(body) => call.json(&body).send().await,
            None => call.send().await,
        }
    }
}

async fn document(world: &World) -> Value {
    let answer = world.get("/openapi.json").send().await.expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    answer.body
}

fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().unwrap();
        item.iter().map(|(method, told)| Operation {
            method: method.clone(),
            path: path.clone(),
            told: told.clone(),
        })
    });
    operations.collect()
}

/// What a schema's properties are called, whatever it is put together from.
fn fields(document: &Value, schema: &Value) -> BTreeSet<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        return fields(document, resolve(document, reference));
    }
    let own = schema["properties"].as_object().into_iter().flatten();
    let mut found: BTreeSet<_> = own.map(|(name, _)| name.clone()).collect();
    for form in ["allOf", "oneOf"] {
        for part in schema[form].as_array().into_iter().flatten() {
            found.extend(fields(document, part));
        }
    }
    found
}

fn resolve<'a>(document: &'a Value, reference: &str) -> &'a Value {
    let pointer = reference.strip_prefix('#').unwrap();
    let found = document.pointer(pointer);
    found.unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get("$ref") {
                found.insert(reference.clone());
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// The names that stand between backticks after `Known are:`.
fn known(message: &str) -> BTreeSet<String> {
    let names = message.split_once("Known are: ").map_or("", |(_, it)| it);
    let names = names.split_once(';').map_or(names, |(names, _)| names);
    names
        .split(", ")
        .map(|name| name.trim_matches('`').to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

#[tokio::test]
async fn the_document_should_be_as_it_was() {
    let world = World::new().await;
    insta::assert_json_snapshot!("openapi", document(&world).await, {
        ".info.version" => "[version]",
    });
}

#[tokio::test]
async fn every_reference_should_lead_somewhere_and_nothing_be_told_in_vain() {
    let world = World::new().await;
    let document = document(&world).await;
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for reference in &found {
        resolve(&document, reference);
    }
    for kind in ["schemas", "responses"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            let reference = format!("#/components/{kind}/{name}");
            assert!(found.contains(&reference), "{reference} is told in vain");
        }
    }
    let operations = operations(&document);
    let names: BTreeSet<_> = operations.iter().map(Operation::name).collect();
    assert_eq!(names.len(), operations.len(), "names are told apart");
    for operation in &operations {
        let name = operation.name();
        assert!(operation.told["summary"].is_string(), "{name}");
        let in_path = operation.path.matches('{').count();
        assert_eq!(operation.parameters("path").len(), in_path, "{name}");
    }
}

#[tokio::test]
async fn queries_should_be_told_as_they_are_read() {
    let world = World::new().await;
    for operation in operations(&document(&world).await) {
        if operation.told["security"].as_array().unwrap().is_empty() {
            continue;
        }
        let body = operation.told.get("requestBody").map(|_| json!({}));
        let key = &world.key;
        let answer = operation.call(&world, key, "?surely=not", body).await;
        let name = operation.name();
        let answer = answer.problem(400, "bad_query");
        assert_eq!(
            known(answer.detail()),
            operation.parameters("query"),
            "{name}"
        );
    }
}

/// What a body may say, by the pointers of those who say too much.
async fn read(
    world: &World,
    operation: &Operation,
    body: Value,
) -> BTreeMap<String, BTreeSet<String>> {
    let answer = operation.call(world, &world.key, "", Some(body)).await;
    let answer = answer.problem(422, "invalid");
    let errors = answer.body["errors"].as_array().unwrap().iter();
    errors
        .filter(|error| error["code"] == "unknown_field")
        .map(|error| {
            let pointer = error["pointer"].as_str().unwrap();
            let place = pointer.strip_suffix("/surelyNot").unwrap().to_owned();
            (place, known(error["message"].as_str().unwrap()))
        })
        .collect()
}

#[tokio::test]
async fn bodies_should_be_told_as_they_are_read() {
    let world = World::new().await;
    let document = document(&world).await;
    let with_bodies = operations(&document).into_iter().filter(|operation| {
        operation.told["requestBody"]["content"]["application/json"].is_object()
    });
    for operation in with_bodies {
        let name = operation.name().to_owned();
        let schema = &operation.told["requestBody"]["content"]["application/json"]["schema"];
        let told = fields(&document, schema);
        let read = read(&world, &operation, json!({"surelyNot": 1})).await;
        assert_eq!(read[""], told, "{name}");
    }
}

#[tokio::test]
async fn what_lies_deeper_in_a_body_should_be_told_as_it_is_read() {
    let world = World::new().await;
    let document = document(&world).await;
    let create = operations(&document);
    let create = create.iter().find(|it| it.name() == "createPost").unwrap();
    let odd = json!({"surelyNot": 1});
    let body = json!({
        "media": [{"surelyNot": 1, "url": "https://a.example/a.jpg", "userTags": [odd]}],
        "options": {"surelyNot": 1, "facebook": odd, "instagram": odd},
    });
    let read = read(&world, create, body).await;
    for (place, schema) in [
        ("/media/0", "MediaInput"),
        ("/media/0/userTags/0", "UserTag"),
        ("/options", "PostOptions"),
        ("/options/facebook", "FacebookOptions"),
        ("/options/instagram", "InstagramOptions"),
    ] {
        let schema = &document["components"]["schemas"][schema];
        assert_eq!(read[place], fields(&document, schema), "{place}");
    }
}

#[tokio::test]
async fn scopes_should_be_told_as_they_are_asked_for() {
    let world = World::new().await;
    let all = [
        "connections:read",
        "connections:write",
        "posts:read",
        "posts:write",
        "tokens:write",
    ];
    for operation in operations(&document(&world).await) {
        let Some(scope) = operation.scope().filter(|scope| !scope.is_empty()) else {
            continue;
        };
        let name = operation.name();
        // Whose connection it is, it asks by another scope first.
        if name == "refreshPages" {
            continue;
        }
        let others: Vec<_> = all.into_iter().filter(|it| *it != scope).collect();
        let lacking = world.scoped_key(&others).await;
        let body = || {
            let is_create = operation.path == "/user-tokens";
            match operation.told.get("requestBody") {
                None => None,
                Some(_) if is_create => Some(json!({"userId": "maria"})),
                Some(_) if operation.path.ends_with("/schedule") => {
                    Some(json!({"scheduledAt": "2027-01-01T00:00:00Z"}))
                }
                Some(_) if operation.path.ends_with("/confirm") => {
                    Some(json!({"grant": "svg_x", "userId": "maria"}))
                }
                Some(_) if operation.path.ends_with("/batch") => Some(json!({"posts": [{}]})),
                Some(_) => Some(json!({})),
            }
        };
        let query = match operation.path.ends_with("/connect") {
            true => "?userId=maria",
            false => "",
        };
        let answer = operation.call(&world, &lacking, query, body()).await;
        assert_eq!(answer.status, 403, "{name}: {}", answer.text);
        assert!(answer.detail().contains(scope), "{name}: {}", answer.text);
        let having = world.scoped_key(&[scope]).await;
        let answer = operation.call(&world, &having, query, body()).await;
        assert_ne!(answer.status, 403, "{name}: {}", answer.text);
    }
}

#[tokio::test]
async fn examples_should_have_the_fields_of_what_they_show() {
    let world = World::new().await;
    let document = document(&world).await;
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        let told = fields(&document, schema);
        for example in schema["examples"].as_array().into_iter().flatten() {
            let shown: BTreeSet<_> = example.as_object().unwrap().keys().cloned().collect();
            assert!(shown.is_subset(&told), "{name}: {shown:?}");
            let required = schema["required"].as_array().into_iter().flatten();
            for field in required {
                let field = field.as_str().unwrap();
                assert!(shown.contains(field), "{name} lacks {field}");
            }
        }
    }
    let written = include_str!("../../src/openapi/examples.json");
    let written: BTreeMap<String, Value> = serde_json::from_str(written).unwrap();
    for (name, example) in written {
        assert_eq!(schemas[&name]["examples"][0], example, "{name}");
    }
}

#[cfg(feature = "docs")]
#[tokio::test]
async fn the_page_should_need_nothing_from_elsewhere() {
    use axum::{
        body::{Body, to_bytes},
        http::Request,
    };
    use tower::ServiceExt as _;

    let world = World::new().await;
    let ask = async |path: &str| {
        let request = Request::get(format!("/api{path}")).body(Body::empty());
        let answer = world
            .router
            .clone()
            .oneshot(request.unwrap())
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let policy = answer.headers().get("content-security-policy").unwrap();
        assert!(policy.to_str().unwrap().starts_with("default-src 'self'"));
        let bytes = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let page = ask("/docs").await;
    assert!(page.contains("<base href=\"docs/\">"));
    let files = page
        .split(['"', '\''])
        .filter(|it| it.ends_with(".js") || it.ends_with(".css"));
    let mut asked = 0;
    for file in files {
        assert!(!file.contains("//"), "{file} comes from elsewhere");
        let text = ask(&format!("/docs/{}", file.trim_start_matches("./"))).await;
        asked += usize::from(!text.is_empty());
    }
    assert!(asked >= 4, "{page}");
    assert!(
        ask("/docs/swagger-initializer.js")
            .await
            .contains("../openapi.json")
    );
    world
        .get("/docs/nothing.js")
        .send()
        .await
        .problem(404, "not_found");
}
