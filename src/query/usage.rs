//! What pages cost and what their answers said, added up over the requests behind one page of output.

use http::{HeaderMap, HeaderName};

use crate::diagnostics::Diagnostics;
use crate::wire::header;

/// The sum over some requests.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    pub(crate) charge: f64,
    pub(crate) requests: usize,
    /// The headers of the last answer.
    pub(crate) headers: HeaderMap,
    /// What the client did, a record for each request.
    pub(crate) diagnostics: Vec<Diagnostics>,
    metrics: Vec<(String, f64)>,
}

const RATIO: &str = "indexUtilizationRatio";
const WEIGHT: &str = "retrievedDocumentCount";

impl Usage {
    /// The usage of one request, by the headers of its answer and the client's record.
    pub(crate) fn of(headers: HeaderMap, diagnostics: Option<Diagnostics>) -> Self {
        let text = |name: HeaderName| headers.get(name).and_then(|it| it.to_str().ok());
        let charge = text(header::REQUEST_CHARGE).and_then(|it| it.trim().parse().ok());
        let metrics = text(header::QUERY_METRICS).map(parse_metrics).unwrap_or_default();
        Self {
            charge: charge.unwrap_or(0.0),
            requests: 1,
            metrics,
            headers,
            diagnostics: diagnostics.into_iter().collect(),
        }
    }

    /// Adds what came later.
    pub(crate) fn add(&mut self, later: Self) {
        if later.requests == 0 {
            return;
        }
        self.charge += later.charge;
        self.requests += later.requests;
        self.headers = later.headers;
        self.diagnostics.extend(later.diagnostics);
        self.add_metrics(later.metrics);
    }

    /// The query metrics of all requests in the form of the header, if any answer had them.
    pub(crate) fn metrics(&self) -> Option<String> {
        let parts: Vec<String> =
            self.metrics.iter().map(|(name, value)| format!("{name}={value:.2}")).collect();
        (!parts.is_empty()).then(|| parts.join(";"))
    }

    /// Times and counts add up; the ratio is a mean, weighted by the items that were looked at.
    fn add_metrics(&mut self, later: Vec<(String, f64)>) {
        let weights = [value(&self.metrics, WEIGHT), value(&later, WEIGHT)];
        let ratios = [value(&self.metrics, RATIO), value(&later, RATIO)];
        let had_none = self.metrics.is_empty();
        for (name, amount) in later {
            match self.metrics.iter_mut().find(|it| it.0 == name) {
                Some(sum) => sum.1 += amount,
                None => self.metrics.push((name, amount)),
            }
        }
        let total = weights[0] + weights[1];
        let ratio = self.metrics.iter_mut().find(|it| it.0 == RATIO);
        if let Some(ratio) = ratio.filter(|_| !had_none) {
            ratio.1 = if total > 0.0 {
                (ratios[0] * weights[0] + ratios[1] * weights[1]) / total
            } else {
                ratios[0].max(ratios[1])
            };
        }
    }
}

fn value(metrics: &[(String, f64)], name: &str) -> f64 {
    metrics.iter().find(|it| it.0 == name).map_or(0.0, |it| it.1)
}

fn parse_metrics(text: &str) -> Vec<(String, f64)> {
    let pair = |it: &str| {
        let (name, value) = it.split_once('=')?;
        Some((name.trim().to_owned(), value.trim().parse().ok()?))
    };
    text.split(';').filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(charge: &'static str, metrics: &'static str) -> Usage {
        let mut headers = HeaderMap::new();
        headers.insert(header::REQUEST_CHARGE, charge.parse().unwrap());
        headers.insert(header::QUERY_METRICS, metrics.parse().unwrap());
        Usage::of(headers, None)
    }

    #[test]
    fn metrics_add_up_and_the_ratio_is_a_weighted_mean() {
        let mut sum = Usage::default();
        sum.add(usage("2.5", "retrievedDocumentCount=3;indexUtilizationRatio=1.00;x=1"));
        sum.add(usage("1", "retrievedDocumentCount=1;indexUtilizationRatio=0.00;y=2;odd"));
        sum.add(Usage::default());
        assert!((sum.charge - 3.5).abs() < 1e-9);
        assert_eq!(sum.requests, 2);
        let expected = "retrievedDocumentCount=4.00;indexUtilizationRatio=0.75;x=1.00;y=2.00";
        assert_eq!(sum.metrics().as_deref(), Some(expected));
        assert_eq!(Usage::default().metrics(), None);
    }
}
