//! What the OpenAPI document tells of the server's own routes: signing up, in and out, and what an operator watches.

use serde_json::{Value, json};

/// Path items by their paths.
pub(crate) fn paths() -> Value {
    let email = json!({"type": "string", "format": "email", "maxLength": 254});
    let password = json!({"type": "string", "minLength": 8, "maxLength": 1024});
    let name = json!({"type": "string", "minLength": 1, "maxLength": 200});
    json!({
        "/auth/sign-up/email": {"post": {
            "tags": ["Server"],
            "operationId": "signUp",
            "summary": "Signs an owner up, by e-mail address and password.",
            "security": [],
            "requestBody": body(
                &json!({"email": email, "password": password, "name": name}),
                &json!({"email": "owner@example.org", "password": "correct horse", "name": "Owner"}),
            ),
            "responses": responses(&[("201", signed_in("Signed up, and signed in."))], &[
                ("400", "BadRequest"), ("403", "Forbidden"), ("408", "RequestTimeout"), ("409", "Conflict"),
                ("413", "PayloadTooLarge"), ("415", "UnsupportedMediaType"), ("422", "Unprocessable"),
                ("503", "ServiceUnavailable"),
            ]),
        }},
        "/auth/sign-in/email": {"post": {
            "tags": ["Server"],
            "operationId": "signIn",
            "summary": "Signs an owner in. Who guesses has to wait ever longer.",
            "security": [],
            "requestBody": body(
                // Of a wrong password it is not told how it is wrong.
                &json!({"email": {"type": "string"}, "password": {"type": "string"}}),
                &json!({"email": "owner@example.org", "password": "correct horse"}),
            ),
            "responses": responses(&[("200", signed_in("Signed in."))], &[
                ("400", "BadRequest"), ("401", "Unauthorized"), ("408", "RequestTimeout"), ("413", "PayloadTooLarge"),
                ("415", "UnsupportedMediaType"), ("422", "Unprocessable"), ("429", "TooManyRequests"),
                ("503", "ServiceUnavailable"),
            ]),
        }},
        "/auth/sign-out": {"post": {
            "tags": ["Server"],
            "operationId": "signOut",
            "summary": "Ends the session that the token or the cookie names; without one there is nothing to end.",
            "security": [{"owner": []}, {}],
            "responses": responses(
                &[("204", json!({"description": "Signed out.", "headers": request_id()}))],
                &[("503", "ServiceUnavailable")],
            ),
        }},
        "/metrics": {"get": {
            "tags": ["Server"],
            "operationId": "metrics",
            "summary": "What an operator watches, for Prometheus. Let nobody else reach it.",
            "security": [],
            "responses": {"200": {
                "description": "The figures.",
                "headers": request_id(),
                "content": {"text/plain": {"schema": {"type": "string"}}},
            }},
        }},
    })
}

fn body(properties: &Value, example: &Value) -> Value {
    let required: Vec<_> = properties
        .as_object()
        .into_iter()
        .flat_map(|all| all.keys())
        .collect();
    let schema = json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    });
    json!({"required": true, "content": {"application/json": {"schema": schema, "example": example}}})
}

fn signed_in(about: &str) -> Value {
    let text = json!({"type": "string"});
    let user = json!({
        "type": "object",
        "required": ["id", "email", "name"],
        "properties": {"id": text, "email": text, "name": text},
    });
    let token = json!({"type": "string", "description": "Sent as `Authorization: Bearer`; it is a cookie too."});
    let schema = json!({
        "type": "object",
        "required": ["token", "user"],
        "properties": {"token": token, "user": user},
    });
    json!({
        "description": about,
        "headers": request_id(),
        "content": {"application/json": {"schema": schema}},
    })
}

fn request_id() -> Value {
    json!({"x-request-id": {"description": "Names the request in the log.", "schema": {"type": "string"}}})
}

fn responses(good: &[(&str, Value)], problems: &[(&str, &str)]) -> Value {
    let problems = problems.iter().map(|(status, name)| {
        let reference = format!("#/components/responses/{name}");
        ((*status).to_owned(), json!({"$ref": reference}))
    });
    let good = good
        .iter()
        .map(|(status, told)| ((*status).to_owned(), told.clone()));
    Value::Object(good.chain(problems).collect())
}
