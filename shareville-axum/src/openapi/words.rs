//! Schemas of core's enums, made of the names that they are read and written by.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{
        Visitor,
        value::{Error, StrDeserializer},
    },
    forward_to_deserialize_any,
};
use shareville_core::event::EventKind;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

/// The names of an enum whose variants hold nothing, in the order they are declared.
fn names<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    struct Asked<'a>(&'a mut &'static [&'static str]);

    impl<'de> Deserializer<'de> for Asked<'_> {
        type Error = Error;

        fn deserialize_enum<V: Visitor<'de>>(
            self,
            _: &'static str,
            variants: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, Error> {
            *self.0 = variants;
            let first = variants.first().copied().unwrap_or_default();
            visitor.visit_enum(StrDeserializer::new(first))
        }

        fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.visit_unit()
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
        }
    }

    let mut names: &'static [&'static str] = &[];
    // What comes of it is of no interest: that it asked is.
    let _ = T::deserialize(Asked(&mut names));
    names
}

fn one_of(names: Vec<&'static str>, description: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(names))
        .description(Some(description))
        .into()
}

/// What webhooks tell of. More may come: pass over what you do not know.
pub(crate) struct WebhookType;

impl PartialSchema for WebhookType {
    fn schema() -> RefOr<Schema> {
        let is_public = |name: &&str| {
            let kind = EventKind::deserialize(StrDeserializer::<Error>::new(name));
            kind.is_ok_and(EventKind::is_public)
        };
        let names = names::<EventKind>().iter().copied().filter(is_public);
        let description = "What webhooks tell of. More may come: pass over what you do not know.";
        one_of(names.collect(), description)
    }
}

impl ToSchema for WebhookType {}

macro_rules! words {
    ($($(#[doc = $doc:literal])+ $name:ident = $core:ty;)+) => {$(
        $(#[doc = $doc])+
        pub(crate) struct $name;

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                one_of(names::<$core>().to_vec(), concat!($($doc),+).trim())
            }
        }

        impl ToSchema for $name {}
    )+};
}

words! {
    /// Where a post stands.
    PostStatus = shareville_core::post::PostStatus;
    /// Where on the account a post appears.
    Placement = shareville_core::post::Placement;
    /// What became of a post's first comment.
    FirstCommentStatus = shareville_core::post::FirstCommentStatus;
    /// Picture or film.
    MediaKind = shareville_core::media::MediaKind;
    /// Who must act, and how.
    Action = shareville_core::failure::Action;
    /// Whether a connection works.
    ConnectionStatus = shareville_core::connection::ConnectionStatus;
    /// What an API key may do.
    Scope = shareville_core::credential::Scope;
    /// What happened. More may come: pass over what you do not know.
    EventType = EventKind;
    /// Where a delivery stands; `dead` is a letter that is sent again only if the owner says so.
    DeliveryStatus = shareville_core::delivery::DeliveryStatus;
    /// Why an attempt got no answer.
    DeliveryError = shareville_core::delivery::Trouble;
}

#[cfg(test)]
mod tests {
    use shareville_core::{credential::Scope, post::PostStatus};

    use super::names;

    #[test]
    fn names_should_be_those_that_core_writes() {
        assert_eq!(names::<Scope>(), Scope::ALL.map(Scope::name));
        assert_eq!(names::<PostStatus>(), PostStatus::ALL.map(PostStatus::name));
    }
}
