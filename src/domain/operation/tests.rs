//! What operations come to, told by topic; every step is checked for what must always hold.

use std::time::Duration;

use super::{Alert, Decision, Disable, Enable, Operation, Selection, SetFreeze, Trigger};
use crate::domain::book::{Book, Scope, with_parents};
use crate::domain::event::{Ending, Event};
use crate::domain::holder::{Cause, Holder, Source};
use crate::domain::level::Level;
use crate::domain::name::{App, Endpoint, Environment, Fingerprint, Operator, Reason};
use crate::domain::outcome::{Guardrail, Outcome};
use crate::domain::policy::{OnResolved, Policy};
use crate::domain::record::Record;
use crate::domain::session::{MAX_HOLDERS, Session};
use crate::domain::target::{Place, Target};
use crate::domain::time::Time;

mod crowds;
mod disabling;
mod freezing;
mod gaps;
mod guardrails;
mod healing;
mod late_stops;
mod levels;
mod max_session;
mod model;
mod opening;
mod resolving;
mod waiting;
mod world;

use world::World;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// When every test begins.
const START: Time = Time::from_millis(1_795_000_000_000);

fn place(app: &str) -> Place {
    Place {
        app: App::parse(app).unwrap(),
        environment: Environment::parse("production").unwrap(),
    }
}

fn target(app: &str) -> Target {
    place(app).whole()
}

fn shop() -> Target {
    target("shop")
}

/// An endpoint of the shop.
fn pay() -> Target {
    place("shop").target(Some(Endpoint::parse("/pay").unwrap()))
}

fn operator(name: &str) -> Operator {
    Operator::parse(name).unwrap()
}

fn words(text: &str) -> Reason {
    Reason::parse(text).unwrap()
}

/// An alert about the shop that began to fire at the start.
fn alert(fingerprint: &str) -> Alert {
    Alert {
        target: shop(),
        fingerprint: Fingerprint::parse(fingerprint).unwrap(),
        starts_at: START,
        firing: true,
        ttl: None,
        endpoint: None,
        reason: words("HighErrorRate"),
    }
}

fn about(target: Target, fingerprint: &str) -> Alert {
    Alert {
        target,
        ..alert(fingerprint)
    }
}

fn since(starts_at: Time, fingerprint: &str) -> Alert {
    Alert {
        starts_at,
        ..alert(fingerprint)
    }
}

fn disable(selection: Selection) -> Disable {
    Disable {
        selection,
        by: operator("ann"),
        cooldown: None,
        reason: Reason::default(),
        began_by: None,
    }
}

fn freeze() -> SetFreeze {
    SetFreeze {
        frozen: true,
        end_sessions: false,
        ttl: 4 * HOUR,
        by: operator("ann"),
        reason: Reason::default(),
        began_by: None,
    }
}

const fn refused(guardrail: Guardrail) -> Outcome {
    Outcome::Refused {
        guardrail,
        waiting: true,
    }
}

const fn refused_for_good(guardrail: Guardrail) -> Outcome {
    Outcome::Refused {
        guardrail,
        waiting: false,
    }
}

fn endings(events: &[Event]) -> Vec<Ending> {
    let ending = |event: &Event| {
        let Event::Ended { cause, .. } = event else {
            return None;
        };
        Some(*cause)
    };
    events.iter().filter_map(ending).collect()
}
