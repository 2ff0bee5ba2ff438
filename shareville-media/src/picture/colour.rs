//! Colours: from what a picture's ICC profile says to sRGB.

use std::sync::Arc;

use image::RgbImage;
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformExecutor, TransformOptions};

/// How far off sRGB a colour may be and still be called the same, of 255.
const TOLERANCE: u8 = 2;

/// How its colours are meant.
pub(super) enum Colours {
    /// As sRGB, or nearly so.
    Srgb,
    /// So that this makes sRGB of them.
    Other(Arc<dyn TransformExecutor<u8> + Send + Sync>),
}

impl Colours {
    /// By an ICC profile. One that does not read, or is not of red, green and blue (as that of a grey picture, or of one that
    /// was meant for print, which the decoder has made into red, green and blue), cannot be gone by.
    pub(super) fn of(profile: &[u8]) -> Self {
        let Ok(profile) = ColorProfile::new_from_slice(profile) else {
            return Self::Srgb;
        };
        if profile.color_space != DataColorSpace::Rgb {
            return Self::Srgb;
        }
        let srgb = ColorProfile::new_srgb();
        let options = TransformOptions::default();
        match profile.create_transform_8bit(Layout::Rgb, &srgb, Layout::Rgb, options) {
            Ok(transform) if !is_nearly_nothing(transform.as_ref()) => Self::Other(transform),
            _ => Self::Srgb,
        }
    }

    /// Brings a picture to sRGB, row by row.
    pub(super) fn bring_to_srgb(&self, picture: &mut RgbImage) {
        let Self::Other(transform) = self else {
            return;
        };
        let width = picture.width() as usize * 3;
        let mut row = vec![0; width];
        for own in picture.chunks_exact_mut(width) {
            row.copy_from_slice(own);
            // It fails only for rows of unequal lengths.
            if transform.transform(&row, own).is_err() {
                own.copy_from_slice(&row);
            }
        }
    }
}

/// Whether colours from all over come out as they went in.
fn is_nearly_nothing(transform: &(dyn TransformExecutor<u8> + Send + Sync)) -> bool {
    const STEPS: [u8; 6] = [0, 51, 102, 153, 204, 255];
    let mut before = Vec::with_capacity(STEPS.len().pow(3) * 3);
    for red in STEPS {
        for green in STEPS {
            for blue in STEPS {
                before.extend([red, green, blue]);
            }
        }
    }
    let mut after = vec![0; before.len()];
    let done = transform.transform(&before, &mut after).is_ok();
    let near = |(before, after): (&u8, &u8)| before.abs_diff(*after) <= TOLERANCE;
    done && before.iter().zip(&after).all(near)
}
