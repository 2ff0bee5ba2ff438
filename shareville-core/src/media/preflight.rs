//! Whether media are looked at before they are published.

use serde::{Deserialize, Serialize};

/// Whether the heads of a post's media are read and checked when it is created, and again before it is prepared.
///
/// Where nothing is set up that reads media, it is off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaPreflight {
    /// Nobody looks: the platform says what it does not take.
    Off,
    /// What is found when it is created is told, and stops nothing.
    #[default]
    Advisory,
    /// What is found stops the post. So does a medium that cannot be read.
    Strict,
}
