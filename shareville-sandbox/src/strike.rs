//! Which call a fault strikes, and where held calls stand.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::fault::{At, Effect, Fault, FaultId, FaultReport};
use crate::graph::{Aim, Request};
use crate::world::World;

/// The armed faults, in the order in which they were armed.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    armed: Vec<Armed>,
    count: FaultId,
}

#[derive(Debug)]
struct Armed {
    id: FaultId,
    fault: Fault,
    seen: u32,
    struck: u32,
    gate: Gate,
}

/// Where held calls wait.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    /// The numbers of the calls that stand here.
    holding: Arc<watch::Sender<Vec<u64>>>,
    released: CancellationToken,
}

/// A call that stands at a gate; it leaves when this is dropped.
#[derive(Debug)]
struct Standing<'a> {
    holding: &'a watch::Sender<Vec<u64>>,
    call: u64,
}

impl Drop for Standing<'_> {
    fn drop(&mut self) {
        self.holding
            .send_modify(|calls| calls.retain(|call| *call != self.call));
    }
}

impl Gate {
    fn new() -> Self {
        Self {
            holding: Arc::new(watch::Sender::new(Vec::new())),
            released: CancellationToken::new(),
        }
    }

    /// Stands still until released.
    pub(crate) async fn hold(&self, call: u64) {
        let _standing = Standing {
            holding: &self.holding,
            call,
        };
        self.holding.send_modify(|calls| calls.push(call));
        self.released.cancelled().await;
    }

    /// Waits until a call stands here; `None` if the gate is opened before.
    pub(crate) async fn arrival(&self) -> Option<u64> {
        let mut holding = self.holding.subscribe();
        let arrived = holding.wait_for(|calls| !calls.is_empty());
        let calls = self.released.run_until_cancelled(arrived).await?.ok()?;
        calls.first().copied()
    }
}

/// A fault that strikes a call.
#[derive(Debug)]
pub(crate) struct Struck {
    pub(crate) id: FaultId,
    pub(crate) effect: Effect,
    pub(crate) gate: Gate,
}

impl Faults {
    pub(crate) fn arm(&mut self, fault: Fault) -> FaultId {
        self.count += 1;
        self.armed.push(Armed {
            id: self.count,
            fault,
            seen: 0,
            struck: 0,
            gate: Gate::new(),
        });
        self.count
    }

    /// The first armed fault that fits this call and has strikes left.
    pub(crate) fn strike(&mut self, world: &World, request: &Request, aim: &Aim) -> Option<Struck> {
        for armed in &mut self.armed {
            if !fits(&armed.fault, world, request, aim) {
                continue;
            }
            armed.seen += 1;
            if armed.seen <= armed.fault.skip
                || armed.fault.times.is_some_and(|times| armed.struck >= times)
            {
                continue;
            }
            armed.struck += 1;
            return Some(Struck {
                id: armed.id,
                effect: armed.fault.effect.clone(),
                gate: armed.gate.clone(),
            });
        }
        None
    }

    pub(crate) fn gate(&self, id: FaultId) -> Result<Gate, Error> {
        let armed = self
            .armed
            .iter()
            .find(|armed| armed.id == id)
            .ok_or(Error::NoFault(id))?;
        Ok(armed.gate.clone())
    }

    /// Lets the calls go that stand in this fault; later ones are held anew.
    pub(crate) fn release(&mut self, id: FaultId) -> Result<(), Error> {
        let armed = self
            .armed
            .iter_mut()
            .find(|armed| armed.id == id)
            .ok_or(Error::NoFault(id))?;
        armed.gate.released.cancel();
        armed.gate.released = CancellationToken::new();
        Ok(())
    }

    /// Disarms this fault and lets go what it holds.
    pub(crate) fn clear(&mut self, id: FaultId) -> Result<(), Error> {
        self.release(id)?;
        self.armed.retain(|armed| armed.id != id);
        Ok(())
    }

    pub(crate) fn clear_all(&mut self) {
        for armed in self.armed.drain(..) {
            armed.gate.released.cancel();
        }
    }

    pub(crate) fn reports(&self) -> Vec<FaultReport> {
        self.armed.iter().map(Armed::report).collect()
    }
}

impl Armed {
    fn report(&self) -> FaultReport {
        FaultReport {
            id: self.id,
            fault: self.fault.clone(),
            seen: self.seen,
            struck: self.struck,
            holding: u32::try_from(self.gate.holding.borrow().len()).unwrap_or(u32::MAX),
        }
    }
}

fn fits(fault: &Fault, world: &World, request: &Request, aim: &Aim) -> bool {
    let here = match &fault.at {
        At::Step(step) => *step == aim.step,
        At::Path(method, prefix) => {
            request.method.as_str().eq_ignore_ascii_case(method)
                && request
                    .path
                    .join("/")
                    .starts_with(prefix.trim_start_matches('/'))
        }
        At::Anything => true,
    };
    here && fault
        .page
        .as_ref()
        .is_none_or(|page| aim.page.as_ref() == Some(page))
        && fault
            .containing
            .as_ref()
            .is_none_or(|text| mentions(world, request, aim, text))
}

/// Whether the text is in a parameter, or in the post, video, container or media the call is about.
fn mentions(world: &World, request: &Request, aim: &Aim, text: &str) -> bool {
    let in_post = || {
        let post = world
            .comments
            .get(&aim.node)
            .map_or(&aim.node, |comment| &comment.post);
        world
            .posts
            .get(post)
            .and_then(|post| post.message.as_ref())
            .is_some_and(|message| message.contains(text))
    };
    let in_video = || {
        let words = world.videos.get(&aim.node).map(|video| &video.words);
        words.is_some_and(|words| {
            [&words.title, &words.description]
                .into_iter()
                .flatten()
                .any(|word| word.contains(text))
        })
    };
    request
        .params
        .keys()
        .any(|name| request.text(name).is_some_and(|value| value.contains(text)))
        || in_post()
        || in_video()
        || in_media(world, request, aim).is_some_and(|caption| caption.contains(text))
}

/// The caption of the container or media the call is about.
fn in_media<'a>(world: &'a World, request: &Request, aim: &Aim) -> Option<&'a String> {
    let published = request.text("creation_id");
    let node = published.as_ref().unwrap_or(&aim.node);
    let container = world
        .instagram
        .containers
        .get(node)
        .map(|container| &container.made);
    let media = || world.instagram.media.get(node).map(|media| &media.made);
    container.or_else(media)?.caption.as_ref()
}
