//! Shareville.
