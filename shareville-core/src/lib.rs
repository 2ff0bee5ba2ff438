//! The domain and the engine of Shareville: posts, lanes, leases, and publishing exactly once.
