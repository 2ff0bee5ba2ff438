//! The shape of a video: read from the head of an MP4, or told by a hosted file's address.

use url::Url;

/// What is known of a video's picture; a part that nobody told is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Shape {
    /// Width and height in pixels, as shown: a rotation is applied.
    pub(crate) pixels: Option<(u32, u32)>,
    pub(crate) seconds: Option<f64>,
    pub(crate) frames_per_second: Option<f64>,
    /// The size of a hosted file.
    pub(crate) bytes: Option<u64>,
}

impl Shape {
    /// Reads `mvhd`, `tkhd`, `mdhd` and `stts` of an MP4 or MOV; bytes of any other kind tell nothing.
    pub(crate) fn of_bytes(file: &[u8]) -> Self {
        let Some(movie) = find(file, *b"moov") else {
            return Self::default();
        };
        // Tracks of sound have no picture.
        let picture = Boxes(movie)
            .filter(|(name, _)| name == b"trak")
            .filter_map(|(_, track)| Some((find(track, *b"tkhd").and_then(pixels)?, track)))
            .find(|((width, height), _)| *width > 0 && *height > 0);
        Self {
            pixels: picture.map(|(pixels, _)| pixels),
            seconds: find(movie, *b"mvhd").and_then(seconds),
            frames_per_second: picture.and_then(|(_, track)| frame_rate(track)),
            bytes: None,
        }
    }

    /// What the query says: `…/film.mp4?width=1080&height=1920&seconds=30&fps=30&bytes=1000`.
    pub(crate) fn of_address(address: &Url) -> Self {
        let told = |wanted: &str| {
            address
                .query_pairs()
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.into_owned())
        };
        let number = |name| told(name).and_then(|text| text.parse().ok());
        let duration = |name| told(name).and_then(|text| text.parse::<f64>().ok());
        Self {
            pixels: number("width").zip(number("height")),
            seconds: duration("seconds"),
            frames_per_second: duration("fps"),
            bytes: told("bytes").and_then(|text| text.parse().ok()),
        }
    }

    /// Higher than wide. What is unknown is taken for landscape.
    pub(crate) fn is_vertical(&self) -> bool {
        self.pixels.is_some_and(|(width, height)| height > width)
    }
}

/// The boxes that lie side by side in these bytes: name and content. Ends where the bytes make no sense.
struct Boxes<'a>(&'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (size, rest) = self.0.split_first_chunk::<4>()?;
        let (name, rest) = rest.split_first_chunk::<4>()?;
        let (head, size) = match u32::from_be_bytes(*size) {
            // To the end of the file.
            0 => (8, self.0.len()),
            1 => {
                let size = u64::from_be_bytes(*rest.first_chunk::<8>()?);
                (16, usize::try_from(size).ok()?)
            }
            size => (8, usize::try_from(size).ok()?),
        };
        // A box that is cut off gives what is there of it.
        let end = size.min(self.0.len());
        let content = self.0.get(head..end)?;
        self.0 = &self.0[end..];
        Some((*name, content))
    }
}

fn find(bytes: &[u8], wanted: [u8; 4]) -> Option<&[u8]> {
    Boxes(bytes)
        .find(|(name, _)| *name == wanted)
        .map(|(_, content)| content)
}

/// Where the fields lie: version 1 has times of eight bytes.
fn is_long(header: &[u8]) -> Option<bool> {
    header.first().map(|version| *version == 1)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*word))
}

/// Duration by time scale, from `mvhd` or `mdhd`.
fn seconds(header: &[u8]) -> Option<f64> {
    let (scale, duration) = if is_long(header)? {
        let duration = header.get(24..)?.first_chunk::<8>()?;
        // Films are shorter than what a float cannot count.
        #[expect(
            clippy::cast_precision_loss,
            reason = "durations are far below 2^53 ticks"
        )]
        let duration = u64::from_be_bytes(*duration) as f64;
        (word(header, 20)?, duration)
    } else {
        (word(header, 12)?, f64::from(word(header, 16)?))
    };
    (scale > 0).then(|| duration / f64::from(scale))
}

/// Frames by seconds of a track.
fn frame_rate(track: &[u8]) -> Option<f64> {
    let media = find(track, *b"mdia")?;
    let seconds = find(media, *b"mdhd").and_then(seconds)?;
    let samples = find(media, *b"minf").and_then(|info| find(info, *b"stbl"))?;
    let times = find(samples, *b"stts")?;
    // Eight bytes ahead of the entries: a count of frames each, and how long one lasts.
    let frames: f64 = times
        .get(8..)?
        .chunks_exact(8)
        .filter_map(|entry| word(entry, 0))
        .map(f64::from)
        .sum();
    (seconds > 0.0 && frames > 0.0).then(|| frames / seconds)
}

/// Width and height from `tkhd`, turned as its matrix says.
fn pixels(header: &[u8]) -> Option<(u32, u32)> {
    let matrix = if is_long(header)? { 52 } else { 40 };
    let (across, down) = (word(header, matrix)?, word(header, matrix + 16)?);
    // Sixteen bits before the point, sixteen behind it.
    let width = word(header, matrix + 36)? >> 16;
    let height = word(header, matrix + 40)? >> 16;
    if across == 0 && down == 0 {
        Some((height, width))
    } else {
        Some((width, height))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(name: [u8; 4], content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(content.len() + 8).unwrap();
        [&size.to_be_bytes()[..], &name, content].concat()
    }

    /// A track header of version 0 with this matrix.
    fn track(width: u32, height: u32, across: u32) -> Vec<u8> {
        let mut header = vec![0_u8; 84];
        header[40..44].copy_from_slice(&across.to_be_bytes());
        header[56..60].copy_from_slice(&across.to_be_bytes());
        header[76..80].copy_from_slice(&(width << 16).to_be_bytes());
        header[80..84].copy_from_slice(&(height << 16).to_be_bytes());
        // Two seconds of fifty frames, in two runs.
        let mut media = vec![0_u8; 24];
        media[12..16].copy_from_slice(&90_000_u32.to_be_bytes());
        media[16..20].copy_from_slice(&180_000_u32.to_be_bytes());
        let runs: Vec<u8> = [0, 2, 20, 3_600, 30, 3_600]
            .into_iter()
            .flat_map(u32::to_be_bytes)
            .collect();
        let info = boxed(*b"minf", &boxed(*b"stbl", &boxed(*b"stts", &runs)));
        let media = boxed(*b"mdia", &[boxed(*b"mdhd", &media), info].concat());
        boxed(*b"trak", &[boxed(*b"tkhd", &header), media].concat())
    }

    fn film(tracks: &[Vec<u8>]) -> Vec<u8> {
        let mut header = vec![0_u8; 100];
        header[12..16].copy_from_slice(&600_u32.to_be_bytes());
        header[16..20].copy_from_slice(&18_300_u32.to_be_bytes());
        let movie = [boxed(*b"mvhd", &header), tracks.concat()].concat();
        [boxed(*b"ftyp", b"isom"), boxed(*b"moov", &movie)].concat()
    }

    #[test]
    fn a_film_should_tell_its_picture_and_length() {
        let sound = track(0, 0, 1 << 16);
        let shape = Shape::of_bytes(&film(&[sound, track(1_920, 1_080, 1 << 16)]));
        assert_eq!(shape.pixels, Some((1_920, 1_080)));
        assert_eq!(shape.seconds, Some(30.5));
        assert_eq!(shape.frames_per_second, Some(25.0));
        assert!(!shape.is_vertical());
    }

    #[test]
    fn a_turned_film_should_be_vertical() {
        let shape = Shape::of_bytes(&film(&[track(1_920, 1_080, 0)]));
        assert_eq!(shape.pixels, Some((1_080, 1_920)));
        assert!(shape.is_vertical());
    }

    #[test]
    fn bytes_that_make_no_sense_should_tell_nothing() {
        let whole = film(&[track(1_080, 1_920, 1 << 16)]);
        for end in 0..whole.len() {
            Shape::of_bytes(&whole[..end]);
        }
        for bytes in [&b""[..], b"film", b"\0\0\0\x02moovmoovmoov", &[0xFF; 64]] {
            assert_eq!(Shape::of_bytes(bytes), Shape::default());
        }
    }

    #[test]
    fn an_address_should_tell_what_its_query_says() {
        let url =
            Url::parse("https://films.example/a.mp4?width=1080&height=1920&seconds=30.5&bytes=9")
                .unwrap();
        let shape = Shape::of_address(&url);
        assert_eq!(shape.pixels, Some((1_080, 1_920)));
        assert_eq!((shape.seconds, shape.bytes), (Some(30.5), Some(9)));
    }
}
