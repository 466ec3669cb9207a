//! What must be true of a history, whatever the faults were.
//!
//! The first six are what etcd promises of a watch: ordered, unique, atomic, reliable, resumable, bookmarkable.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use autolog::store::Position;
use jiff::Timestamp;

use crate::fleet::Live;
use crate::history::{Answer, Promise, Seen};

/// No answer may say that a session is live for longer than this after its end.
const ZOMBIE: Duration = Duration::from_secs(1);

/// Between two looks at everything, changes come one by one, and none is missing.
pub(crate) fn ordered(seen: &[Seen]) -> Result<(), String> {
    let mut last: Option<&Position> = None;
    for seen in seen {
        match seen {
            Seen::Listed { position, .. } => last = Some(position),
            Seen::Nothing(_) => {}
            Seen::Changed(position) => {
                let before = last.ok_or("a change before anything was listed")?;
                if position.seq != before.seq + 1 || position.epoch != before.epoch {
                    return Err(format!("{position:?} follows {before:?}"));
                }
                last = Some(position);
            }
        }
    }
    Ok(())
}

/// No change comes twice, unless the store went back, which shows in what is listed.
pub(crate) fn unique(seen: &[Seen]) -> Result<(), String> {
    let mut changes = BTreeSet::new();
    for seen in seen {
        match seen {
            Seen::Listed { position, .. } => {
                changes.retain(|(epoch, seq)| *epoch == position.epoch && *seq <= position.seq);
            }
            Seen::Nothing(_) => {}
            Seen::Changed(position) => {
                if !changes.insert((position.epoch.clone(), position.seq)) {
                    return Err(format!("{position:?} comes twice"));
                }
            }
        }
    }
    Ok(())
}

/// What one message opened is there as a whole, or not at all, whenever everything is looked at.
pub(crate) fn atomic(seen: &[Seen], promises: &[Promise]) -> Result<(), String> {
    for seen in seen {
        let Seen::Listed { live, .. } = seen else {
            continue;
        };
        for promise in promises {
            if let Promise::Pair { apps } = promise
                && live.contains(&apps[0]) != live.contains(&apps[1])
            {
                return Err(format!("half of {apps:?}"));
            }
        }
    }
    Ok(())
}

/// At one place in the feed there is one change, whoever looks and whenever, unless the store went back.
pub(crate) fn bookmarkable(seen: &[Seen]) -> Result<(), String> {
    let mut chains: BTreeMap<(String, u64), String> = BTreeMap::new();
    for seen in seen {
        let (Seen::Listed { position, .. } | Seen::Changed(position) | Seen::Nothing(position)) =
            seen;
        if let Seen::Listed { .. } = seen {
            let known = chains.get(&(position.epoch.clone(), position.seq));
            if known.is_some_and(|chain| *chain != position.chain) {
                chains.clear();
            }
            chains.retain(|(epoch, seq), _| *epoch == position.epoch && *seq <= position.seq);
        }
        let place = (position.epoch.clone(), position.seq);
        let known = chains
            .entry(place)
            .or_insert_with(|| position.chain.clone());
        if *known != position.chain {
            return Err(format!("two histories at {position:?}"));
        }
    }
    Ok(())
}

/// After a break the follower goes on from where it was, or says that it looks at everything anew: it is never silent.
///
/// The last that was seen is where the store is at the end.
pub(crate) fn resumable_and_reliable(seen: &[Seen], end: &Position) -> Result<(), String> {
    let last = seen.last().ok_or("nothing was seen")?;
    let (Seen::Listed { position, .. } | Seen::Changed(position) | Seen::Nothing(position)) = last;
    if (&position.epoch, position.seq, &position.chain) == (&end.epoch, end.seq, &end.chain) {
        Ok(())
    } else {
        Err(format!(
            "the follower is at {position:?}, the store at {end:?}"
        ))
    }
}

/// Nobody was told that a session is live when it had ended.
pub(crate) fn no_zombie(answers: &[Answer]) -> Result<(), String> {
    let zombie = answers.iter().find(|answer| {
        let late = |until: Timestamp| answer.asked.duration_since(until).as_millis();
        answer
            .until
            .is_some_and(|until| late(until) > i128::try_from(ZOMBIE.as_millis()).unwrap())
    });
    zombie.map_or(Ok(()), |zombie| Err(format!("{zombie:?}")))
}

/// Every poll was answered.
pub(crate) fn always_answered(answers: &[Answer]) -> Result<(), String> {
    let failed: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status != Some(200))
        .collect();
    match failed[..] {
        [] => Ok(()),
        [first, ..] => Err(format!("{} polls failed, such as {first:?}", failed.len())),
    }
}

/// Which acknowledged sessions are not there at the end although they should be.
pub(crate) fn lost(promises: &[Promise], live: &Live) -> Vec<String> {
    let asked = |promise: &Promise| match promise {
        Promise::Asked { app } => Some(app.clone()),
        Promise::Verbose { .. } | Promise::Quiet { .. } | Promise::Pair { .. } => None,
    };
    let asked: BTreeSet<String> = promises.iter().filter_map(asked).collect();
    let missing = |promise: &Promise| match promise {
        Promise::Verbose { app, id, until } => {
            let lives_on = *until > live.beyond && !asked.contains(app);
            (lives_on && live.sessions.get(app) != Some(id)).then(|| vec![app.clone()])
        }
        Promise::Pair { apps } => {
            let missing: Vec<_> = apps
                .iter()
                .filter(|app| !live.sessions.contains_key(*app))
                .collect();
            (!missing.is_empty()).then(|| missing.into_iter().cloned().collect())
        }
        Promise::Quiet { .. } | Promise::Asked { .. } => None,
    };
    promises.iter().filter_map(missing).flatten().collect()
}

/// What was made quiet, and acknowledged, is quiet.
pub(crate) fn no_lost_disable(promises: &[Promise], live: &Live) -> Result<(), String> {
    let quiet = quiet(promises);
    let again: Vec<_> = live
        .sessions
        .keys()
        .filter(|app| quiet.contains(*app))
        .collect();
    if again.is_empty() {
        Ok(())
    } else {
        Err(format!("verbose again: {again:?}"))
    }
}

fn quiet(promises: &[Promise]) -> BTreeSet<String> {
    let of = |promise: &Promise| match promise {
        Promise::Quiet { app } => Some(app.clone()),
        Promise::Verbose { .. } | Promise::Asked { .. } | Promise::Pair { .. } => None,
    };
    promises.iter().filter_map(of).collect()
}
