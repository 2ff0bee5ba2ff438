//! The in-memory store.
/// x
#[derive(Debug)]
pub struct MemoryStore;
