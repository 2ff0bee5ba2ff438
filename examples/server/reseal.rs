//! `server reseal`: seals every secret anew with the first of the encryption keys, while servers go on working.
//! `server reseal --check` only looks which keys are in use, and whether they are all there. `server reseal --give-up ID`
//! lets servers start without a key that is lost.

use std::{error::Error, io::IsTerminal as _};

use indicatif::{ProgressBar, ProgressStyle};
use shareville::{
    KeySurvey, KeyUse, ResealProgress, Resealed, Shareville, Unreadable, Unreadables,
};

use crate::{
    config::{Config, StoreUrl},
    store,
};

/// What to do with the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Task {
    Check,
    Reseal,
    /// The key of this id is lost.
    GiveUp(String),
}

pub(crate) async fn run(config: Config, task: Task) -> Result<(), Box<dyn Error>> {
    match &config.store {
        StoreUrl::File(path) if path.exists() => {}
        StoreUrl::File(path) => {
            let path = path.display();
            return Err(format!("SHAREVILLE_STORE: there is no database at {path}").into());
        }
        StoreUrl::Memory => {
            return Err("SHAREVILLE_STORE: must name the database, since another process has what is in memory".into());
        }
        StoreUrl::Postgres(_) => {}
    }
    let keyring = store::keyring(&config)?;
    let first = keyring.sealing_id().to_owned();
    let (store, _) = store::open(&config.store).await?;
    let shareville = Shareville::builder(store, keyring, config.public_url).build()?;
    let bar = Bar::new();
    match task {
        Task::Check => {
            let survey = shareville.survey_keys(|at| bar.show(at)).await?;
            bar.end();
            tell_survey(&survey)
        }
        Task::Reseal => {
            let resealed = shareville.reseal(|at| bar.show(at)).await?;
            bar.end();
            tell(&resealed, &first)
        }
        Task::GiveUp(id) => {
            let given_up = shareville.give_up_key(&id, |at| bar.show(at)).await;
            bar.end();
            tell_given_up(&id, given_up)
        }
    }
}

/// How far it has come: a bar on a terminal, else a line in the log for each batch.
struct Bar(Option<ProgressBar>);

impl Bar {
    fn new() -> Self {
        let is_seen = std::io::stderr().is_terminal();
        Self(is_seen.then(|| {
            let style =
                ProgressStyle::with_template("{bar:40} {pos}/{len} records, {msg}, {eta} left");
            let bar = ProgressBar::no_length();
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        }))
    }

    fn show(&self, at: ResealProgress) {
        let Some(bar) = &self.0 else {
            let (done, total, resealed) = (at.done, at.total, at.resealed);
            tracing::info!(done, total, resealed, "going through what is sealed");
            return;
        };
        bar.set_length(at.total);
        bar.set_message(format!("{} sealed anew", at.resealed));
        bar.set_position(at.done);
    }

    fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

#[allow(clippy::print_stdout)] // it is what the person who called it reads
fn tell(done: &Resealed, first: &str) -> Result<(), Box<dyn Error>> {
    let Resealed {
        resealed, already, ..
    } = done;
    println!(
        "sealed anew with `{first}`: {resealed}, sealed with it before: {already}, not to be opened: {}",
        done.unreadable.count
    );
    name(&done.unreadable);
    if done.unreadable.count > 0 {
        return Err("some secrets do not open: put back the keys they were sealed with, or connect those accounts \
                    and enter those app secrets again"
            .into());
    }
    if !done.settled {
        return Err(format!(
            "another process still seals with another key: put `{first}` first in its SHAREVILLE_ENCRYPTION_KEYS, \
             restart it, and call this again"
        )
        .into());
    }
    println!(
        "Nothing is under another key any more: once every process has this one first, drop the others."
    );
    Ok(())
}

#[allow(clippy::print_stdout)] // it is what the person who called it reads
fn tell_survey(survey: &KeySurvey) -> Result<(), Box<dyn Error>> {
    for (id, used) in &survey.keys {
        let all = used.readable + used.unreadable;
        match used.unreadable {
            0 => println!("`{id}` has sealed {all}"),
            lost => println!("`{id}` has sealed {all}, of which {lost} do not open"),
        }
    }
    name(&survey.unreadable);
    match survey.unreadable.count == 0 {
        true => Ok(()),
        false => Err("SHAREVILLE_ENCRYPTION_KEYS: some secrets do not open with these keys".into()),
    }
}

#[allow(clippy::print_stdout)] // it is what the person who called it reads
fn tell_given_up(
    id: &str,
    given_up: Result<KeyUse, shareville::Error>,
) -> Result<(), Box<dyn Error>> {
    let lost = match given_up {
        Ok(used) => used.unreadable,
        Err(shareville::Error::NotFound(_)) => {
            return Err(format!("nothing is sealed with a key `{id}`").into());
        }
        Err(error) => return Err(error.into()),
    };
    println!(
        "`{id}` is given up, and {lost} secrets are lost with it: connect those accounts and enter those app secrets \
         again. `reseal --check` counts how many are left."
    );
    Ok(())
}

/// Names what does not open by its place: never by what it holds.
fn name(unreadable: &Unreadables) {
    for secret in &unreadable.first {
        let Unreadable {
            tenant,
            record,
            field,
            error,
            ..
        } = secret;
        tracing::error!(%tenant, %record, field, %error, "a secret does not open");
    }
}
