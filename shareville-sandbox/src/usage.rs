//! Usage on demand: what the headers of an answer say about how much of a limit is used up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How much of a limit is used up, for an app, a Page or both: answers tell it in their headers from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Usage {
    /// Answers to this app's calls carry `X-App-Usage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Answers to calls on this Page carry `X-Business-Use-Case-Usage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// Per cent of the limit; may exceed 100. 0 takes the headers away.
    pub call_count: u32,
    /// `estimated_time_to_regain_access`, which only the Page's header has.
    #[serde(default)]
    pub minutes: u32,
}

impl Usage {
    /// So many per cent of an app's limit.
    pub fn of_app(app: impl Into<String>, call_count: u32) -> Self {
        Self {
            app: Some(app.into()),
            page: None,
            call_count,
            minutes: 0,
        }
    }

    /// So many per cent of a Page's limit, which is open again after these minutes.
    pub fn of_page(page: impl Into<String>, call_count: u32, minutes: u32) -> Self {
        Self {
            app: None,
            page: Some(page.into()),
            call_count,
            minutes,
        }
    }
}

/// The usage that answers tell of now.
#[derive(Debug, Default)]
pub(crate) struct Usages {
    apps: BTreeMap<String, Usage>,
    pages: BTreeMap<String, Usage>,
}

impl Usages {
    pub(crate) fn set(&mut self, usage: Usage) {
        if let Some(page) = &usage.page {
            place(&mut self.pages, page.clone(), usage.clone());
        }
        if let Some(app) = usage.app.clone() {
            place(&mut self.apps, app, usage);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.apps.is_empty() && self.pages.is_empty()
    }

    /// The headers of an answer to this app about this Page: name and value.
    pub(crate) fn headers(
        &self,
        app: Option<&str>,
        page: Option<&str>,
    ) -> impl Iterator<Item = (&'static str, String)> {
        let of_app = app.and_then(|app| self.apps.get(app)).map(|usage| {
            let level = level(usage.call_count);
            ("x-app-usage", level.to_string())
        });
        let of_page = page.and_then(|page| Some((page, self.pages.get(page)?)));
        let of_page = of_page.map(|(page, usage)| {
            let mut level = level(usage.call_count);
            level["type"] = "pages".into();
            level["estimated_time_to_regain_access"] = usage.minutes.into();
            let header = json!({ page: [level] });
            ("x-business-use-case-usage", header.to_string())
        });
        of_app.into_iter().chain(of_page)
    }
}

fn place(usages: &mut BTreeMap<String, Usage>, id: String, usage: Usage) {
    if usage.call_count == 0 {
        usages.remove(&id);
    } else {
        usages.insert(id, usage);
    }
}

/// One limit of three that stands for all.
fn level(call_count: u32) -> Value {
    json!({ "call_count": call_count, "total_cputime": 1, "total_time": 1 })
}
