//! `fields=id,name,picture{url}`: reading the list, and picking what it names.

use serde_json::{Map, Value};

use super::error::GraphError;

/// Everything a node could answer: `null` marks a field that exists but has no value here, and is left out.
pub(crate) struct Node {
    pub(crate) kind: &'static str,
    pub(crate) values: Map<String, Value>,
    /// What is answered when nothing is asked for.
    pub(crate) default: &'static [&'static str],
}

#[derive(Debug, PartialEq, Eq)]
struct Field {
    name: String,
    limit: Option<usize>,
    inner: Vec<Self>,
}

impl Node {
    /// The fields that were asked for, or the usual ones. The id always comes along.
    pub(crate) fn pick(&self, wanted: Option<&str>) -> Result<Value, GraphError> {
        let Some(wanted) = wanted.filter(|text| !text.is_empty()) else {
            let mut picked = Map::new();
            for name in self.default {
                if let Some(value) = self.values.get(*name).filter(|value| !value.is_null()) {
                    picked.insert((*name).to_owned(), without_nulls(value));
                }
            }
            return Ok(Value::Object(picked));
        };
        let fields = Reader {
            text: wanted,
            at: 0,
        }
        .whole()?;
        pick_from(&self.values, &fields, self.kind)
    }
}

/// Whether a field list asks for something inside this field: `instagram_business_account{username}`.
pub(crate) fn reaches_into(wanted: Option<&str>, name: &str) -> bool {
    // A malformed list is told of when it is picked from.
    let fields = wanted.and_then(|text| Reader { text, at: 0 }.whole().ok());
    fields.is_some_and(|fields| {
        let mut fields = fields.iter();
        fields.any(|field| field.name == name && !field.inner.is_empty())
    })
}

fn pick_from(
    values: &Map<String, Value>,
    fields: &[Field],
    kind: &str,
) -> Result<Value, GraphError> {
    let mut picked = Map::new();
    for field in fields {
        let value = values.get(&field.name).ok_or_else(|| {
            GraphError::parameter(format_args!(
                "Tried accessing nonexisting field ({}) on node type ({kind})",
                field.name
            ))
        })?;
        if value.is_null() {
            continue;
        }
        let value = if field.inner.is_empty() {
            without_nulls(value)
        } else {
            pick_inner(value, field)?
        };
        picked.insert(field.name.clone(), value);
    }
    if let Some(id) = values.get("id").filter(|id| !id.is_null()) {
        picked.insert("id".to_owned(), id.clone());
    }
    Ok(Value::Object(picked))
}

fn pick_inner(value: &Value, field: &Field) -> Result<Value, GraphError> {
    match value {
        // `picture{url}` and `comments{message}` reach through `data`.
        Value::Object(object) => match object.get("data") {
            Some(data) => {
                let mut outer = object.clone();
                outer.insert("data".to_owned(), pick_inner(data, field)?);
                Ok(without_nulls(&Value::Object(outer)))
            }
            None => pick_from(object, &field.inner, &field.name),
        },
        Value::Array(items) => {
            let count = field.limit.unwrap_or(items.len());
            items
                .iter()
                .take(count)
                .map(|item| pick_inner(item, field))
                .collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(GraphError::new(
            2500,
            format!("Subfields are not supported by {}", field.name),
        )),
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(object) => object
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// Reads a field list; nesting is bounded so that no text can exhaust the stack.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

const DEEPEST: usize = 8;

impl Reader<'_> {
    fn whole(mut self) -> Result<Vec<Field>, GraphError> {
        let fields = self.list(0)?;
        if self.at < self.text.len() {
            Err(self.wrong())
        } else {
            Ok(fields)
        }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Field>, GraphError> {
        if depth > DEEPEST {
            return Err(self.wrong());
        }
        let mut fields = vec![self.field(depth)?];
        while self.take(',') {
            fields.push(self.field(depth)?);
        }
        Ok(fields)
    }

    fn field(&mut self, depth: usize) -> Result<Field, GraphError> {
        let name = self.word();
        if name.is_empty() {
            return Err(self.wrong());
        }
        let mut limit = None;
        while self.take('.') {
            let modifier = self.word();
            if !self.take('(') {
                return Err(self.wrong());
            }
            let argument = self.word();
            if !self.take(')') {
                return Err(self.wrong());
            }
            if modifier == "limit" {
                limit = Some(argument.parse().map_err(|_| self.wrong())?);
            } else {
                return Err(self.wrong());
            }
        }
        let mut inner = Vec::new();
        if self.take('{') {
            inner = self.list(depth + 1)?;
            if !self.take('}') {
                return Err(self.wrong());
            }
        }
        Ok(Field { name, limit, inner })
    }

    fn word(&mut self) -> String {
        let rest = &self.text[self.at..];
        let rest = rest.trim_start();
        self.at = self.text.len() - rest.len();
        let end = rest
            .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
            .unwrap_or(rest.len());
        self.at += end;
        rest[..end].to_owned()
    }

    fn take(&mut self, letter: char) -> bool {
        let rest = self.text[self.at..].trim_start();
        let found = rest.starts_with(letter);
        if found {
            self.at = self.text.len() - rest.len() + letter.len_utf8();
        }
        found
    }

    fn wrong(&self) -> GraphError {
        let at = self.at;
        GraphError::new(
            2500,
            format!(
                "Syntax error \"Unexpected text.\" at character {at}: {}",
                self.text
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn node() -> Node {
        let Value::Object(values) = json!({
            "id": "1", "name": "Ada", "username": null,
            "picture": { "data": { "url": "u", "height": 50 } },
            "comments": { "data": [{ "id": "c", "message": "m" }, { "id": "d", "message": null }] },
        }) else {
            unreachable!()
        };
        Node {
            kind: "Page",
            values,
            default: &["id", "name"],
        }
    }

    #[test]
    fn picks_what_is_named() {
        let picked = node()
            .pick(Some(
                "name, username,picture{url},comments.limit(1){message}",
            ))
            .unwrap();
        assert_eq!(
            picked,
            json!({ "id": "1", "name": "Ada", "picture": { "data": { "url": "u" } },
                    "comments": { "data": [{ "id": "c", "message": "m" }] } })
        );
        assert_eq!(
            node().pick(None).unwrap(),
            json!({ "id": "1", "name": "Ada" })
        );
    }

    #[test]
    fn refuses_the_unknown_and_the_malformed() {
        let unknown = node().pick(Some("name,nane")).unwrap_err();
        assert_eq!(
            unknown.message,
            "(#100) Tried accessing nonexisting field (nane) on node type (Page)"
        );
        for malformed in ["name,", "picture{url", "name}", "a..b", &"a{".repeat(50)] {
            assert_eq!(
                node().pick(Some(malformed)).unwrap_err().code,
                2500,
                "{malformed}"
            );
        }
    }
}
