//! What a store has lost of what it had acknowledged: one book compared with what was known before.

use super::book::Book;
use super::holder::{Holder, Source};
use super::operation::{EndedHolder, Heal};
use super::session::Session;
use super::target::Target;
use super::time::Time;

/// A write that was acknowledged and that the store has lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// What kind of write it was.
    pub write: LostWrite,
    /// What it was about; none if it was everything.
    pub target: Option<Target>,
    /// Who held, if it was about a holder.
    pub source: Option<Source>,
}

/// A kind of write that a store may lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LostWrite {
    /// A holder that had begun.
    Open,
    /// A holder that had been renewed.
    Extension,
    /// A holder that had ended; it ends again.
    End,
    /// A cooldown that had begun; it begins again.
    Cooldown,
    /// A freeze, its release, or a cooldown of everything; it is made again.
    Freeze,
}

impl LostWrite {
    /// Every kind, for metrics that start at zero.
    pub const ALL: [Self; 5] = [
        Self::Open,
        Self::Extension,
        Self::End,
        Self::Cooldown,
        Self::Freeze,
    ];

    /// The name in metrics and in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Extension => "extension",
            Self::End => "end",
            Self::Cooldown => "cooldown",
            Self::Freeze => "freeze",
        }
    }
}

/// The holders of one book that another one lacks, or lets end earlier.
pub fn missing(before: &Book, after: &Book, now: Time) -> Vec<Loss> {
    let holders = before.records().flat_map(|record| {
        let holders = record.session.iter().flat_map(|session| &session.holders);
        holders.map(|holder| (&record.target, holder))
    });
    holders
        .filter_map(|(target, holder)| loss_of(target, holder, after, now))
        .collect()
}

/// What a book lacks of one holder.
pub fn loss_of(target: &Target, holder: &Holder, book: &Book, now: Time) -> Option<Loss> {
    if !holder.is_live(now) {
        return None;
    }
    let write = match session(book, target).and_then(|session| session.holder(&holder.cause)) {
        None => LostWrite::Open,
        Some(kept) if kept.expires_at < holder.expires_at => LostWrite::Extension,
        Some(_) => return None,
    };
    Some(Loss {
        write,
        target: Some(target.clone()),
        source: Some(holder.cause.source()),
    })
}

/// What a book does not know of that is to be healed.
pub fn undone(heal: &Heal, book: &Book, now: Time) -> Vec<Loss> {
    let ended = heal.ended.iter().filter(|ended| has_back(book, ended, now));
    let ended = ended.map(|ended| Loss {
        write: LostWrite::End,
        target: Some(ended.target.clone()),
        source: Some(ended.cause.source()),
    });
    let cooldowns = heal.cooldowns.iter().filter(|cooldown| {
        let record = book.record(&cooldown.target);
        let known = record.and_then(|record| record.cooldown_until);
        cooldown.holds(record, now) && known < Some(cooldown.until)
    });
    let cooldowns = cooldowns.map(|cooldown| Loss {
        write: LostWrite::Cooldown,
        target: Some(cooldown.target.clone()),
        source: None,
    });
    let (known, healed) = (book.halt(), heal.again(book.halt(), now));
    let is_other =
        healed.freeze(now) != known.freeze(now) || known.cooldown(now) < healed.cooldown(now);
    let halt = is_other.then_some(Loss {
        write: LostWrite::Freeze,
        target: None,
        source: None,
    });
    ended.chain(cooldowns).chain(halt).collect()
}

fn has_back(book: &Book, ended: &EndedHolder, now: Time) -> bool {
    session(book, &ended.target).is_some_and(|session| {
        let mut holders = session.holders.iter();
        session.id == ended.session && holders.any(|holder| ended.is(holder) && holder.is_live(now))
    })
}

fn session<'book>(book: &'book Book, target: &Target) -> Option<&'book Session> {
    book.record(target)
        .and_then(|record| record.session.as_ref())
}
