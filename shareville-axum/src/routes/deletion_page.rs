//! The small page on which a person sees what became of their wish to be deleted.

use axum::response::IntoResponse;
use shareville_core::{
    clock::Timestamp,
    heed::{Deletion, DeletionStatus},
};

use super::callback_page::page;

/// The page of a wish. It names nobody.
pub(super) fn told(deletion: &Deletion) -> impl IntoResponse + use<> {
    let day = |at: &Timestamp| at.format("%Y-%m-%d, %H:%M UTC").to_string();
    let received = day(&deletion.received_at);
    let (heading, text) = match &deletion.status {
        DeletionStatus::Done(at) => (
            "Your connections were deleted",
            format!(
                "You asked for it on {received}. On {}, your connections to this website and the access that came with \
                 them were erased here. What was published stays in your accounts: you can remove it there. The website keeps \
                 the history of it until you ask the website itself to erase you.",
                day(at)
            ),
        ),
        _ => (
            "Your data is being deleted",
            format!(
                "You asked for it on {received}. Your connections to this website and the access that came with them are \
                 being erased. Look at this page again later."
            ),
        ),
    };
    let code = deletion.code.as_str();
    page(
        heading,
        heading,
        &format!("{text} Confirmation code: {code}"),
        None,
    )
}

/// The page for a code that nobody knows.
pub(super) fn unknown() -> impl IntoResponse + use<> {
    let heading = "Nothing is known of this";
    let text = "Nobody has asked for data to be deleted under this code, or it is more than 90 days since that was done. \
                Check that the address is whole.";
    page(heading, heading, text, None)
}
