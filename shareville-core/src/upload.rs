//! Uploading: how media come to us, and how they go again.
//!
//! An upload is known to the store before its first byte is kept and until its last one is erased, so that whatever breaks
//! off, a sweep finds what is left of it.

mod sweep;

use std::{ops::Range, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream::BoxStream};

use crate::{
    caller::Caller,
    clock::later,
    credential::{Purpose, Scope, read},
    error::Error,
    id::{MediaId, UserId},
    media::{
        BegunUpload, MediaError, MediaFacts, MediaFormat, MediaKeeper, MediaPlace, MediaToken,
        MediaWriter, OverQuota, QuotaOf, Upload,
    },
    shareville::Shareville,
    store::NotFinished,
    tenancy::check_user,
};

/// How long an upload may be under way before it is given up.
const UNDER_WAY: Duration = Duration::from_secs(3600);

/// How many bytes an upload under way counts for at least, so that nobody has any number of them.
const LEAST_RESERVED: u64 = 16 * 1024 * 1024;

/// How many it counts for at most, however large a file may be: sums stay far from overflowing.
const MOST_RESERVED: u64 = 1 << 40;

/// How many bytes tell what kind of file it is.
const HEAD: usize = 4096;

const NOT_HERE: &str = "its host keeps no uploads";

/// A medium that is to be uploaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewUpload {
    /// The end user it is for, where the caller speaks for all of them.
    pub user: Option<UserId>,
    /// How many bytes it has at most, if that is known beforehand. Where it is not, all that it may have is reserved
    /// meanwhile.
    pub announced: Option<u64>,
    /// What kind of file it is said to be: its media type.
    pub content_type: Option<String>,
}

/// Why an upload was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UploadError {
    /// There are no bytes.
    #[error("there are no bytes: send the file itself as the body")]
    Empty,
    /// The file is too large.
    #[error("the file is larger than the {most} bytes that an upload may have")]
    TooLarge {
        /// The most bytes.
        most: u64,
    },
    /// There is no room for it.
    #[error("{}", told(*.0))]
    OverQuota(OverQuota),
    /// It is said to be no medium.
    #[error(
        "the content type is `{said}`: send a picture or a film, by its own content type or as `multipart/form-data`"
    )]
    NotMedia {
        /// What it is said to be.
        said: String,
    },
    /// Its bytes are no medium.
    #[error(
        "the bytes are no picture and no film of a kind that is known here: JPEG, PNG, GIF, WebP, BMP, TIFF, HEIF, MP4 \
         and MOV are"
    )]
    NotUnderstood,
    /// Its bytes are something else than it is said to be.
    #[error("the bytes are {} (`{}`), and the content type is `{said}`: send them as what they are", is.name(), is.content_type())]
    Mismatch {
        /// What it is said to be.
        said: String,
        /// What it is.
        is: MediaFormat,
    },
    /// It took too long, or was erased while it was under way.
    #[error("it took longer than an hour, or its user was erased meanwhile: send it again")]
    Gone,
}

fn told(over: OverQuota) -> String {
    let OverQuota { of, most, used } = over;
    let whose = match of {
        QuotaOf::Tenant => "the client app",
        QuotaOf::User => "the end user",
    };
    format!(
        "{whose} may have {most} bytes of uploads at one time, and has {used}, those under way included: what no post \
         needs goes a day after it was used last"
    )
}

/// What the sender says a file is, as far as it can be held to its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    /// Nothing in particular.
    Nothing,
    /// Of this media type.
    Type(String),
}

impl Said {
    fn of(content_type: Option<&str>) -> Result<Self, UploadError> {
        let essence = content_type
            .and_then(|said| said.split(';').next())
            .map(|essence| essence.trim().to_ascii_lowercase());
        match essence.as_deref() {
            None | Some("" | "application/octet-stream" | "binary/octet-stream") => {
                Ok(Self::Nothing)
            }
            Some(said) if said.starts_with("image/") || said.starts_with("video/") => {
                Ok(Self::Type(said.to_owned()))
            }
            Some(said) => Err(UploadError::NotMedia {
                said: said.to_owned(),
            }),
        }
    }

    fn fits(&self, is: MediaFormat) -> Result<(), UploadError> {
        let Self::Type(said) = self else {
            return Ok(());
        };
        let fits = match is {
            MediaFormat::Jpeg => {
                matches!(said.as_str(), "image/jpeg" | "image/jpg" | "image/pjpeg")
            }
            MediaFormat::Bmp => matches!(said.as_str(), "image/bmp" | "image/x-ms-bmp"),
            // Three names of one container.
            MediaFormat::Heif => {
                let said = said.trim_end_matches("-sequence");
                matches!(said, "image/heif" | "image/heic" | "image/avif")
            }
            // One container, too: what tells them apart is a word that many programs set as they please.
            MediaFormat::Mp4 | MediaFormat::Mov => {
                matches!(
                    said.as_str(),
                    "video/mp4" | "video/quicktime" | "video/x-m4v"
                )
            }
            MediaFormat::Png | MediaFormat::Gif | MediaFormat::Webp | MediaFormat::Tiff => {
                said == is.content_type()
            }
        };
        match fits {
            true => Ok(()),
            false => Err(UploadError::Mismatch {
                said: said.clone(),
                is,
            }),
        }
    }
}

/// A caller at work on uploads.
#[derive(Debug, Clone, Copy)]
pub struct Uploading<'a> {
    shareville: &'a Shareville,
    caller: &'a Caller,
}

impl Uploading<'_> {
    /// Whether the caller may upload at all: asked before anything is read of what they send.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn allowed(&self) -> Result<(), Error> {
        self.caller.require(Scope::PostsWrite)
    }

    /// Takes a medium, as its bytes come. If it breaks off or is refused, nothing of it stays.
    ///
    /// It takes `posts:write`: media are there to be posted.
    ///
    /// # Errors
    /// [`Error::Upload`] if it is not taken; [`Error::Invalid`] if no user is named; [`Error::Media`] if its bytes cannot
    /// be kept; [`Error::Forbidden`], [`Error::Store`]; and those of the bytes' own.
    pub async fn receive<E>(
        &self,
        new: NewUpload,
        bytes: impl Stream<Item = Result<Bytes, E>> + Send + Unpin,
    ) -> Result<Upload, E>
    where
        E: From<Error> + Send,
    {
        let said = Said::of(new.content_type.as_deref());
        let (begun, room, keeper) = self.begin(&new).await?;
        let place = MediaPlace {
            tenant: begun.tenant,
            id: begun.id,
        };
        let received = match said {
            Ok(said) => self.take(&begun, room, keeper, said, bytes).await,
            Err(refused) => Err(Error::from(refused).into()),
        };
        if received.is_err() {
            self.shareville.clear_up(keeper, place).await;
        }
        received
    }

    /// Takes its place: as much as is announced, or as it may have or there is.
    async fn begin(&self, new: &NewUpload) -> Result<(BegunUpload, Room, &dyn MediaKeeper), Error> {
        self.allowed()?;
        let Some(user) = self.caller.about(new.user.as_ref())? else {
            let message = "name the end user who uploads, as your website calls them";
            return Err(Error::invalid("/userId", "required", message));
        };
        if let Some(violation) = check_user(&user) {
            return Err(Error::Invalid(vec![violation]));
        }
        let keeper = self
            .shareville
            .keeper()
            .ok_or(MediaError::NotSupported(NOT_HERE))?;
        let limits = &self.shareville.settings().uploads;
        let needed = new.announced.unwrap_or(1);
        let mut room = Room {
            bytes: limits.max_bytes,
            beyond: UploadError::TooLarge {
                most: limits.max_bytes,
            },
        };
        room.holds(needed)?;
        let wanted = match new.announced {
            Some(bytes) => bytes.max(LEAST_RESERVED.min(limits.max_bytes)),
            None => limits.max_bytes.min(MOST_RESERVED),
        };
        let mut begun = BegunUpload {
            id: MediaId::generate(),
            tenant: self.caller.tenant().id,
            user,
            made_from: None,
            bytes: wanted,
            expires_at: later(self.shareville.clock().now(), UNDER_WAY),
        };
        let store = self.shareville.store();
        while let Err(over) = store.begin_upload(&begun, limits).await? {
            let left = over.most.saturating_sub(over.used);
            if left < needed || left >= begun.bytes {
                return Err(UploadError::OverQuota(over).into());
            }
            begun.bytes = left;
            room = Room {
                bytes: left,
                beyond: UploadError::OverQuota(over),
            };
        }
        Ok((begun, room, keeper.as_ref()))
    }

    async fn take<E>(
        &self,
        begun: &BegunUpload,
        room: Room,
        keeper: &dyn MediaKeeper,
        said: Said,
        mut bytes: impl Stream<Item = Result<Bytes, E>> + Send + Unpin,
    ) -> Result<Upload, E>
    where
        E: From<Error> + Send,
    {
        let place = MediaPlace {
            tenant: begun.tenant,
            id: begun.id,
        };
        let writer = keeper.keep(place).await.map_err(Error::from)?;
        let mut taking = Taking {
            keeper,
            room,
            writer,
            said,
            head: Vec::new(),
            format: None,
            bytes: 0,
        };
        while let Some(piece) = bytes.next().await {
            let taken = match piece {
                Ok(piece) => taking.take(piece).await.map_err(E::from),
                Err(broken) => Err(broken),
            };
            if let Err(error) = taken {
                taking.writer.abandon().await;
                return Err(error);
            }
        }
        let whole = taking.finish().await;
        let (format, bytes) = whole?;
        let examined = keeper.examine(place, format, bytes).await;
        let facts = examined.map_err(Error::from)?;
        Ok(self.finish(begun, facts, bytes).await?)
    }

    async fn finish(
        &self,
        begun: &BegunUpload,
        facts: MediaFacts,
        bytes: u64,
    ) -> Result<Upload, Error> {
        let limits = &self.shareville.settings().uploads;
        let now = self.shareville.clock().now();
        let upload = Upload {
            id: begun.id,
            tenant: begun.tenant,
            user: begun.user.clone(),
            token: MediaToken::generate(begun.tenant),
            facts,
            bytes,
            made_from: None,
            created_at: now,
            expires_at: later(now, limits.life),
        };
        match self
            .shareville
            .store()
            .finish_upload(&upload, limits)
            .await?
        {
            Ok(()) => Ok(upload),
            Err(NotFinished::OverQuota(over)) => Err(UploadError::OverQuota(over).into()),
            Err(NotFinished::Gone) => Err(UploadError::Gone.into()),
        }
    }
}

/// How much there is room for.
#[derive(Debug)]
struct Room {
    bytes: u64,
    /// What is told of a file that is larger.
    beyond: UploadError,
}

impl Room {
    fn holds(&self, bytes: u64) -> Result<(), UploadError> {
        match bytes > self.bytes {
            true => Err(self.beyond.clone()),
            false => Ok(()),
        }
    }
}

/// An upload whose bytes are coming.
struct Taking<'a> {
    keeper: &'a dyn MediaKeeper,
    room: Room,
    writer: Box<dyn MediaWriter>,
    said: Said,
    /// Its first bytes, until they tell what it is.
    head: Vec<u8>,
    format: Option<MediaFormat>,
    bytes: u64,
}

impl Taking<'_> {
    async fn take(&mut self, piece: Bytes) -> Result<(), Error> {
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        self.room.holds(self.bytes)?;
        if self.format.is_some() {
            return Ok(self.writer.write(piece).await?);
        }
        self.head.extend_from_slice(&piece);
        if self.head.len() < HEAD {
            return Ok(());
        }
        self.recognize().await?;
        Ok(())
    }

    /// Finds out what it is, and lets its first bytes through.
    async fn recognize(&mut self) -> Result<MediaFormat, Error> {
        let format = self.keeper.recognize(&self.head);
        let format = format.ok_or(UploadError::NotUnderstood)?;
        self.said.fits(format)?;
        let head = std::mem::take(&mut self.head);
        self.writer.write(head.into()).await?;
        self.format = Some(format);
        Ok(format)
    }

    /// Ends it: what it is, and how many bytes it has.
    async fn finish(mut self) -> Result<(MediaFormat, u64), Error> {
        let recognized = match self.format {
            Some(format) => Ok(format),
            None if self.bytes == 0 => Err(UploadError::Empty.into()),
            None => self.recognize().await,
        };
        match recognized {
            Ok(format) => {
                self.writer.finish().await?;
                Ok((format, self.bytes))
            }
            Err(refused) => {
                self.writer.abandon().await;
                Err(refused)
            }
        }
    }
}

impl Shareville {
    /// What a caller can do with uploads.
    #[must_use]
    pub const fn uploads<'a>(&'a self, caller: &'a Caller) -> Uploading<'a> {
        Uploading {
            shareville: self,
            caller,
        }
    }

    /// Finds an upload by what its address ends with; whoever knows that may fetch it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none, or its time is over; [`Error::Store`].
    pub async fn upload_at(&self, token: &str) -> Result<Upload, Error> {
        let unknown = || Error::NotFound("upload");
        let (tenant, hash) = read(Purpose::Media, token).ok_or_else(unknown)?;
        let found = self.store().upload_by_token(tenant, &hash).await?;
        found.ok_or_else(unknown)
    }

    /// Reads a part of an upload, piece by piece.
    ///
    /// # Errors
    /// [`Error::NotFound`] if its bytes are gone, [`Error::Media`].
    pub async fn read_upload(
        &self,
        upload: &Upload,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, MediaError>>, Error> {
        let keeper = self.keeper().ok_or(MediaError::NotSupported(NOT_HERE))?;
        match keeper.stream(upload.place(), range).await {
            Err(MediaError::Unknown) => Err(Error::NotFound("upload")),
            read => Ok(read?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_should_be_held_to_the_bytes() {
        let fits = |said: &str, is| Said::of(Some(said)).unwrap().fits(is);
        assert_eq!(fits("image/JPEG; q=1", MediaFormat::Jpeg), Ok(()));
        assert_eq!(fits("application/octet-stream", MediaFormat::Png), Ok(()));
        assert_eq!(fits("video/mp4", MediaFormat::Mov), Ok(()));
        assert_eq!(Said::of(None), Ok(Said::Nothing));
        let lie = fits("image/jpeg", MediaFormat::Png).unwrap_err();
        assert!(lie.to_string().contains("`image/png`"), "{lie}");
        let other = Said::of(Some("text/html")).unwrap_err();
        assert!(other.to_string().contains("`text/html`"), "{other}");
    }
}
