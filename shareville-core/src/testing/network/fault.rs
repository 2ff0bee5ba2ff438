//! What can go wrong in a call.

use std::time::Duration;

use crate::failure::{Failure, FailureClass};

use super::FakeNetwork;

/// A kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// A step towards the object.
    Prepare,
    /// The call that makes it visible.
    Commit,
    /// A look at what became of a commit.
    Look,
    /// The deletion of what never became visible.
    Discard,
    /// The first comment.
    Comment,
    /// A look for the first comment.
    LookForComment,
    /// A change of what is visible.
    Edit,
    /// The deletion of what is visible.
    Delete,
}

impl Call {
    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::Prepare,
        Self::Commit,
        Self::Look,
        Self::Discard,
        Self::Comment,
        Self::LookForComment,
        Self::Edit,
        Self::Delete,
    ];
}

/// What goes wrong in a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Acts, and the answer is lost.
    ActAndLoseAnswer,
    /// Acts, and answers an error.
    ActAndAnswer(Failure),
    /// Acts after this time; the answer is lost.
    ActLater(Duration),
    /// Acts when [`FakeNetwork::act_late`] is called; the answer is lost.
    ActWhenTold,
    /// Does nothing, and answers an error that proves it.
    Refuse(Failure),
    /// Does nothing, and answers an error that does not prove it.
    Answer(Failure),
    /// Does nothing, and the answer is lost.
    LoseRequest,
    /// Hangs before it acts, until [`FakeNetwork::release`].
    HangBefore,
    /// Acts, then hangs until [`FakeNetwork::release`].
    HangAfter,
    /// The caller's process freezes before it sends anything, until [`FakeNetwork::release`] and past its deadline.
    Freeze,
}

/// Lets one call fail.
pub(super) struct Rule {
    pub(super) call: Call,
    pub(super) nth: u32,
    pub(super) fault: Fault,
}

pub(super) type Strikes = Box<dyn FnMut(Call, u32) -> Option<Fault> + Send>;

/// What becomes of a call: how it acts, and how it answers.
pub(super) struct Course {
    pub(super) act: Act,
    pub(super) answer: Answer,
    pub(super) hang_after: bool,
    pub(super) freeze: bool,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Act {
    Now,
    Later(Option<Duration>),
    Not,
}

pub(super) enum Answer {
    True,
    Error(Failure),
    Refusal(Failure),
}

/// A call takes its time, before it acts and after: others get their turn, and whoever calls may be killed.
pub(super) async fn latency() {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}

/// The answer got lost.
pub(super) fn lost() -> Failure {
    Failure::new(FailureClass::Transient, "The network's answer was lost.")
}

impl FakeNetwork {
    pub(super) async fn hang(&self) {
        let mut released = self.0.released.subscribe();
        let before = *released.borrow_and_update();
        let _hanging = Hanging::begin(self);
        // An error would mean that the sender is gone, but `self` holds it.
        let _ = released.wait_for(|times| *times > before).await;
    }

    /// Takes a call, and hangs if the script says so.
    pub(super) async fn course(&self, call: Call, post: crate::id::PostId) -> Course {
        let fault = self.fault(call, post);
        latency().await;
        let (act, answer) = match &fault {
            None | Some(Fault::HangBefore | Fault::HangAfter | Fault::Freeze) => {
                (Act::Now, Answer::True)
            }
            Some(Fault::ActAndLoseAnswer) => (Act::Now, Answer::Error(lost())),
            Some(Fault::ActAndAnswer(failure)) => (Act::Now, Answer::Error(failure.clone())),
            Some(Fault::ActLater(after)) => (Act::Later(Some(*after)), Answer::Error(lost())),
            Some(Fault::ActWhenTold) => (Act::Later(None), Answer::Error(lost())),
            Some(Fault::Refuse(failure)) => (Act::Not, Answer::Refusal(failure.clone())),
            Some(Fault::Answer(failure)) => (Act::Not, Answer::Error(failure.clone())),
            Some(Fault::LoseRequest) => (Act::Not, Answer::Error(lost())),
        };
        if matches!(fault, Some(Fault::HangBefore | Fault::Freeze)) {
            self.hang().await;
        }
        Course {
            act,
            answer,
            hang_after: fault == Some(Fault::HangAfter),
            freeze: fault == Some(Fault::Freeze),
        }
    }

    fn fault(&self, call: Call, post: crate::id::PostId) -> Option<Fault> {
        let at = self.0.clock.now();
        let mut guard = self.state();
        let state = &mut *guard;
        state.taken.push(super::Taken { call, post, at });
        let nth = state.counts.entry(call).or_default();
        *nth += 1;
        let nth = *nth;
        let ruled = state
            .rules
            .iter()
            .find(|it| it.call == call && it.nth == nth);
        let fault = match (ruled, &mut state.strikes) {
            (Some(rule), _) => Some(rule.fault.clone()),
            (None, Some(strikes)) => strikes(call, nth),
            (None, None) => None,
        };
        state.struck += usize::from(fault.is_some());
        fault
    }
}

/// Counts a call among those that hang, as long as it does: a caller that is killed hangs no longer.
struct Hanging<'a>(&'a FakeNetwork);

impl<'a> Hanging<'a> {
    fn begin(network: &'a FakeNetwork) -> Self {
        network.0.hanging.send_modify(|now| *now += 1);
        Self(network)
    }
}

impl Drop for Hanging<'_> {
    fn drop(&mut self) {
        self.0.0.hanging.send_modify(|now| *now -= 1);
    }
}
