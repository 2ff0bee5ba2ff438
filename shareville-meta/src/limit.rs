//! A row of the tables of what the networks take.

/// A number that content must not exceed.
#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) max: usize,
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for whoever reads, and checked by a test")
    )]
    pub(crate) source: &'static str,
}
