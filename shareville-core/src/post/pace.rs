//! How long to wait: one back-off rule for all, and the gaps between looks.

use std::time::Duration;

/// How often something transient is tried, in all.
pub const MAX_ATTEMPTS: u32 = 8;

/// How often content is tried that the platform may yet take (it could not fetch a picture, say).
pub const MAX_CONTENT_ATTEMPTS: u32 = 2;

/// The longest back-off, in units of the base: 15 minutes for a base of 5 seconds.
const CAP: u32 = 180;

/// How many times as long as the first looking, looking goes on after a post failed as `outcome_unknown`.
const LATER_LOOKING: u32 = 24;

/// The times by which the engine goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// The first back-off, and the grace after a commit's deadline. Default 5 seconds.
    pub base: Duration,
    /// How long to look for an uncertain post before it fails as `outcome_unknown`. Default 1 hour.
    pub uncertain: Duration,
    /// Where in its span a back-off falls: 0 is half of it, 1 the whole.
    pub jitter: f64,
}

/// The one back-off rule: base × 4^(n−1), at most `cap` × base, between half of that and the whole.
pub(crate) fn back_off(base: Duration, cap: u32, attempt: u32, jitter: f64) -> Duration {
    let factor = 4_u32.saturating_pow(attempt.saturating_sub(1)).min(cap);
    let whole = base.saturating_mul(factor);
    whole.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            base: Duration::from_secs(5),
            uncertain: Duration::from_secs(3600),
            jitter: 1.0,
        }
    }
}

impl Pace {
    /// How long to wait after the `attempt`th failed attempt, from 1: base × 4^(n−1), at most 180 × base, between
    /// half of that and the whole.
    ///
    /// ```
    /// use std::time::Duration;
    /// use shareville_core::post::Pace;
    ///
    /// let pace = Pace::default();
    /// let waits: Vec<_> = (1..=6).map(|n| pace.back_off(n).as_secs()).collect();
    /// assert_eq!(waits, [5, 20, 80, 320, 900, 900]);
    /// assert_eq!(Pace { jitter: 0.0, ..pace }.back_off(1), Duration::from_millis(2500));
    /// ```
    #[must_use]
    pub fn back_off(&self, attempt: u32) -> Duration {
        back_off(self.base, CAP, attempt, self.jitter)
    }

    /// How long after a commit's deadline its outcome can first be judged.
    #[must_use]
    pub const fn grace(&self) -> Duration {
        self.base
    }

    /// How long to wait after the `looks`th look, from 1.
    #[must_use]
    pub fn look_gap(&self, looks: u32) -> Duration {
        let first = self.base.saturating_mul(2);
        let doubled = first.saturating_mul(2_u32.saturating_pow(looks.saturating_sub(1)));
        doubled.min(first.max(self.uncertain / 12))
    }

    /// How long to wait between looks once a post has failed as `outcome_unknown`.
    #[must_use]
    pub fn later_look_gap(&self) -> Duration {
        self.base.saturating_mul(2).max(self.uncertain / 2)
    }

    /// How long looking goes on once a post has failed as `outcome_unknown`.
    #[must_use]
    pub const fn later_looking(&self) -> Duration {
        self.uncertain.saturating_mul(LATER_LOOKING)
    }

    /// How long to wait for a rate limit whose end the platform does not tell.
    #[must_use]
    pub const fn unknown_limit(&self) -> Duration {
        self.base.saturating_mul(CAP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_attempts_should_span_half_an_hour_to_an_hour() {
        let span = |jitter| {
            let pace = Pace {
                jitter,
                ..Pace::default()
            };
            (1..MAX_ATTEMPTS)
                .map(|n| pace.back_off(n))
                .sum::<Duration>()
        };
        assert!(span(0.0) >= Duration::from_secs(25 * 60));
        assert!(span(1.0) <= Duration::from_secs(60 * 60));
    }

    #[test]
    fn no_number_should_overflow() {
        let pace = Pace {
            base: Duration::MAX / 400,
            ..Pace::default()
        };
        let _ = (pace.back_off(u32::MAX), pace.look_gap(u32::MAX));
    }
}
