//! How much of its budget a caller has used, by the usage headers.
//!
//! Source: graph-api.md 7 (D-VER rate limiting).

use std::time::Duration;

use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Percentages of a budget; they can exceed 100.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Gauge {
    /// Calls, in percent.
    pub call_count: f64,
    /// Processor time, in percent.
    pub total_cputime: f64,
    /// Time, in percent.
    pub total_time: f64,
}

/// How much one business, Page or account has used, of one kind of calls.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct BusinessGauge {
    /// `pages`, `instagram`, `messenger`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// How much.
    #[serde(flatten)]
    pub gauge: Gauge,
    /// After how many minutes calls are welcome again; 0 if they are.
    pub estimated_time_to_regain_access: f64,
}

/// What the usage headers of one answer say. Any may be missing, and a malformed one counts as missing.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Usage {
    /// `X-App-Usage`: the app's hourly budget.
    pub app: Option<Gauge>,
    /// `X-Page-Usage`: a Page's, in old versions.
    pub page: Option<Gauge>,
    /// `X-Business-Use-Case-Usage`: for each business or Page id.
    pub business: Vec<(String, BusinessGauge)>,
}

impl Usage {
    /// Reads the usage headers of an answer.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Self {
        Self {
            app: json(headers, "x-app-usage"),
            page: json(headers, "x-page-usage"),
            business: business(headers),
        }
    }

    /// How long the platform wants to be left alone, if it says so.
    #[must_use]
    pub fn regain_after(&self) -> Option<Duration> {
        let gauges = self.business.iter();
        gauges.filter_map(|(_, gauge)| gauge.regain_after()).max()
    }
}

impl BusinessGauge {
    /// How long the platform wants to be left alone, if it says so.
    #[must_use]
    pub fn regain_after(&self) -> Option<Duration> {
        const LONGEST_MINUTES: f64 = 60.0 * 24.0 * 30.0;
        let minutes = self.estimated_time_to_regain_access;
        (minutes > 0.0).then(|| Duration::from_secs_f64(minutes.min(LONGEST_MINUTES) * 60.0))
    }
}

/// What a header holds, if it is an object that can be read.
fn json<T: for<'de> Deserialize<'de>>(headers: &HeaderMap, name: &str) -> Option<T> {
    let object: Map<String, Value> = serde_json::from_slice(headers.get(name)?.as_bytes()).ok()?;
    serde_json::from_value(Value::Object(object)).ok()
}

fn business(headers: &HeaderMap) -> Vec<(String, BusinessGauge)> {
    let Some(by_id) = json::<Map<String, Value>>(headers, "x-business-use-case-usage") else {
        return Vec::new();
    };
    by_id
        .into_iter()
        .flat_map(|(id, gauges)| {
            let gauges = match gauges {
                Value::Array(gauges) => gauges,
                _ => Vec::new(),
            };
            gauges
                .into_iter()
                .filter_map(move |gauge| Some((id.clone(), serde_json::from_value(gauge).ok()?)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(name: &'static str, value: &str) -> Usage {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        Usage::from_headers(&headers)
    }

    #[test]
    fn the_longest_wait_should_count() {
        let usage = usage(
            "x-business-use-case-usage",
            r#"{"1":[{"type":"pages","call_count":107,"estimated_time_to_regain_access":15}],"2":[{"type":"instagram","estimated_time_to_regain_access":0}]}"#,
        );
        assert_eq!(usage.business.len(), 2);
        assert_eq!(usage.business[0].1.gauge.call_count, 107.0);
        assert_eq!(usage.regain_after(), Some(Duration::from_secs(900)));
    }

    #[test]
    fn a_malformed_header_should_count_as_missing() {
        for value in ["", "{", "[]", "7", r#"{"1":7}"#, r#"{"1":[7]}"#] {
            assert_eq!(usage("x-business-use-case-usage", value), Usage::default());
            assert_eq!(
                usage("x-business-use-case-usage", value).regain_after(),
                None
            );
        }
        let endless = r#"{"1":[{"estimated_time_to_regain_access":1e300}]}"#;
        assert!(
            usage("x-business-use-case-usage", endless)
                .regain_after()
                .is_some()
        );
        assert_eq!(usage("x-app-usage", "nonsense"), Usage::default());
    }
}
