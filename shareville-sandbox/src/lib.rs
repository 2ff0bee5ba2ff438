//! Meta emulated on one's own machine, over HTTP.
