//! Media for Shareville: what a file is, by its head.
