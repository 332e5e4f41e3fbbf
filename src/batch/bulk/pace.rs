//! How many requests a partition bears at once.

/// Finds out by trying, as TCP does: it doubles the number until the first request is throttled, halves it then, and
/// from there on feels its way up by one for each round.
#[derive(Debug)]
pub(super) struct Pace {
    limit: f64,
    /// Where doubling ends.
    threshold: f64,
    most: f64,
    in_flight: usize,
    /// Counts the halvings. Requests sent before the last one tell nothing about the pace since.
    round: u32,
}

impl Pace {
    /// Starts with one request at a time, and goes up to `most`.
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1) as f64;
        Self { limit: 1.0, threshold: most, most, in_flight: 0, round: 0 }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Whether one more request may be sent now.
    pub(super) fn has_room(&self) -> bool {
        (self.in_flight as f64) < self.limit.floor()
    }

    /// Notes that a request was sent; returns its round.
    pub(super) fn sent(&mut self) -> u32 {
        self.in_flight += 1;
        self.round
    }

    /// Notes that a request came back without throttling.
    pub(super) fn went_well(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let step = if self.limit < self.threshold { 1.0 } else { 1.0 / self.limit };
        self.limit = (self.limit + step).min(self.most);
    }

    /// Notes that a request of that round came back throttled.
    pub(super) fn was_throttled(&mut self, round: u32) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if round == self.round {
            self.limit = (self.limit / 2.0).max(1.0);
            self.threshold = self.limit;
            self.round += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends as much as there is room for.
    fn fill(pace: &mut Pace) -> Vec<u32> {
        std::iter::from_fn(|| pace.has_room().then(|| pace.sent())).collect()
    }

    fn round(pace: &mut Pace) -> usize {
        let sent = fill(pace);
        sent.iter().for_each(|_| pace.went_well());
        sent.len()
    }

    #[test]
    fn it_doubles_up_to_the_most() {
        let mut pace = Pace::new(10);
        let rounds: Vec<usize> = (0..6).map(|_| round(&mut pace)).collect();
        assert_eq!(rounds, [1, 2, 4, 8, 10, 10]);
    }

    #[test]
    fn throttling_halves_it_once_for_all_requests_that_were_under_way() {
        let mut pace = Pace::new(100);
        while round(&mut pace) < 32 {}
        let under_way = fill(&mut pace);
        assert_eq!(under_way.len(), 64);
        under_way.into_iter().for_each(|it| pace.was_throttled(it));
        let rounds: Vec<usize> = (0..4).map(|_| round(&mut pace)).collect();
        assert_eq!(rounds[0], 32);
        assert!(rounds.windows(2).all(|it| it[1] - it[0] <= 1), "{rounds:?}");
        assert!(rounds[3] > 32, "{rounds:?}");
    }

    #[test]
    fn one_request_is_always_allowed() {
        let mut pace = Pace::new(0);
        for _ in 0..5 {
            let sent = fill(&mut pace);
            assert_eq!(sent.len(), 1);
            pace.was_throttled(sent[0]);
        }
    }
}
