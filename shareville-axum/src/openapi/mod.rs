//! The OpenAPI document: what each handler says of itself, and what lies around all of them.
//!
//! Handlers tell of their successes and of refusals of their own. What extractors and layers answer, whatever the
//! handler, is added here once: see [`told`].

mod answers;
mod document;
#[cfg(feature = "docs")]
pub(crate) mod page;
mod parameters;
pub(crate) mod words;

use utoipa::openapi::{
    RefOr, Schema,
    path::{Operation, PathItem},
    security::SecurityRequirement,
};
use utoipa_axum::router::OpenApiRouter;

pub(crate) use self::{
    answers::{
        AtPlatform, Called, Conflict, Invalid, NotThere, Problem as ProblemShape, Stale,
        Unavailable,
    },
    document::{add_paths, document},
    parameters::{
        CallbackQuery, ConnectQuery, DeleteQuery, HubQuery, PartQuery, PostsQuery, UploadQuery,
        UserQuery,
    },
};
use crate::Api;

/// The names of the security schemes.
const API_KEY: &str = "apiKey";
const USER_TOKEN: &str = "userToken";
const OWNER: &str = "owner";

/// Whose routes they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// An owner's.
    Owner,
    /// The website's own.
    ApiKey,
    /// The website's, and its end users'.
    ApiKeyOrUserToken,
    /// Whoever has a credential of any kind.
    Anybody,
    /// Everyone's, without a credential.
    Everyone,
}

impl Access {
    const fn schemes(self) -> &'static [&'static str] {
        match self {
            Self::Owner => &[OWNER],
            Self::ApiKey => &[API_KEY],
            Self::ApiKeyOrUserToken => &[API_KEY, USER_TOKEN],
            Self::Anybody => &[API_KEY, USER_TOKEN, OWNER],
            Self::Everyone => &[],
        }
    }

    const fn is_counted(self) -> bool {
        matches!(self, Self::ApiKey | Self::ApiKeyOrUserToken | Self::Anybody)
    }
}

/// The operations of a path.
fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem {
        get,
        post,
        patch,
        delete,
        ..
    } = item;
    [get, post, patch, delete].into_iter().flatten()
}

/// Completes what some routes say of themselves by what is true of all of them: their section, whose they are, and the
/// answers of extractors and layers.
pub(crate) fn told(
    section: &'static str,
    access: Access,
    mut routes: OpenApiRouter<Api>,
) -> OpenApiRouter<Api> {
    for (path, item) in &mut routes.get_openapi_mut().paths.paths {
        for operation in operations(item) {
            operation.tags = Some(vec![section.to_owned()]);
            secure(operation, access);
            leave_out(operation);
            parameters::of_path(path, operation);
            answers::complete(operation, access);
        }
    }
    routes
}

/// Says which credentials are taken. The scope that an API key needs, a handler has said already.
fn secure(operation: &mut Operation, access: Access) {
    let own = operation.security.take().unwrap_or_default();
    let others = access.schemes().iter();
    let others = others
        .filter(|scheme| own.is_empty() || **scheme != API_KEY)
        .map(|scheme| SecurityRequirement::new(*scheme, [] as [&str; 0]));
    operation.security = Some(own.iter().cloned().chain(others).collect());
}

/// A body that may be left out is no body that may be `null`, as utoipa has it.
fn leave_out(operation: &mut Operation) {
    let Some(RefOr::T(body)) = &mut operation.request_body else {
        return;
    };
    for content in body.content.values_mut() {
        if let RefOr::T(content) = content
            && let Some(RefOr::T(Schema::OneOf(forms))) = &content.schema
            && let Some(form @ RefOr::Ref(_)) = forms.items.first()
        {
            content.schema = Some(form.clone());
        }
    }
}
