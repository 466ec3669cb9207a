//! A book to decide on; every decision is checked for what must always hold.

use super::*;

/// A book, and the time by which it is decided on.
#[derive(Clone)]
pub(super) struct World {
    pub(super) book: Book,
    pub(super) policy: Policy,
    pub(super) now: Time,
    operations: u128,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(Policy::default())
    }

    pub(super) fn with(policy: Policy) -> Self {
        Self {
            book: Book::default(),
            policy,
            now: START,
            operations: 0,
        }
    }

    pub(super) fn lingering() -> Self {
        Self::with(Policy {
            on_resolved: OnResolved::Linger(5 * MINUTE),
            ..Policy::default()
        })
    }

    pub(super) fn pass(&mut self, time: Duration) -> &mut Self {
        self.now = self.now + time;
        self
    }

    /// Passes all but the last millisecond of `time`.
    pub(super) fn pass_almost(&mut self, time: Duration) -> &mut Self {
        self.now = self.now + time - Duration::from_millis(1);
        self
    }

    /// Decides and applies, and checks what must hold of every decision.
    pub(super) fn apply(&mut self, operation: &Operation) -> Decision {
        self.operations += 1;
        let random = self.operations << 32;
        let scope = operation.scope();
        let decide = |scope: &Scope| {
            let mut ledger = self.book.ledger(scope, self.now);
            let decision = operation.decide(&mut ledger, &self.policy, random);
            (decision, ledger.into_changes())
        };
        let (decision, changes) = decide(&scope);
        assert_eq!(
            (&decision, &changes),
            (&decide(&scope).0, &decide(&scope).1),
            "the same decision on the same ledger"
        );
        let (on_everything, all_changes) = decide(&Scope::Everything);
        assert_eq!(
            (&decision.outcomes, &decision.session),
            (&on_everything.outcomes, &on_everything.session),
            "the scope is all that the decision needs"
        );
        let mut with_everything = self.book.clone();
        with_everything.apply(&all_changes);
        self.book.apply(&changes);
        for target in in_scope(&scope, &self.book) {
            assert_eq!(
                self.book.record(&target),
                with_everything.record(&target),
                "the scope is all that the decision needs: {target}"
            );
        }
        let again = self.book.clone();
        self.book.apply(&changes);
        assert!(self.book == again, "changes may be applied twice");
        self.check_records();
        decision
    }

    fn check_records(&self) {
        for record in self.book.records() {
            assert!(!record.is_empty(), "an empty record is not kept");
            assert!(record.waiting.len() <= 32 && record.barred.len() <= 32);
            if let Some(session) = &record.session {
                assert!(!session.holders.is_empty(), "a session has a holder");
                assert!(session.holders.len() <= MAX_HOLDERS);
                session.holders.iter().for_each(|holder| self.check(holder));
            }
        }
    }

    fn check(&self, holder: &Holder) {
        if holder.cause.source().is_automatic() {
            assert_eq!(holder.level, Level::Debug, "automatic sources never trace");
            let most = holder.started_at + self.policy.max_session;
            assert!(holder.expires_at <= most, "{holder:?}");
        }
    }

    pub(super) fn observe(&mut self, alerts: impl IntoIterator<Item = Alert>) -> Vec<Outcome> {
        let operation = Operation::Observe(alerts.into_iter().collect());
        self.apply(&operation).outcomes
    }

    pub(super) fn fire(&mut self, alert: Alert) -> Outcome {
        self.observe([alert])[0]
    }

    pub(super) fn resolve(&mut self, alert: Alert) -> Outcome {
        self.observe([Alert {
            firing: false,
            ..alert
        }])[0]
    }

    pub(super) fn trigger(&mut self, target: Target) -> Outcome {
        let reason = words("12 errors within 5m");
        self.apply(&Operation::Trigger(vec![Trigger { target, reason }]))
            .outcomes[0]
    }

    pub(super) fn enable(
        &mut self,
        target: Target,
        by: &str,
        level: Level,
        ttl: Duration,
    ) -> Outcome {
        let operation = Operation::Enable(Enable {
            target,
            by: operator(by),
            level,
            ttl,
            reason: Reason::default(),
        });
        self.apply(&operation).outcomes[0]
    }

    pub(super) fn disable(&mut self, selection: Selection) -> Decision {
        self.apply(&Operation::Disable(disable(selection)))
    }

    pub(super) fn freeze(&mut self) -> Decision {
        self.apply(&Operation::Freeze(freeze()))
    }

    pub(super) fn unfreeze(&mut self) -> Decision {
        self.apply(&Operation::Freeze(SetFreeze {
            frozen: false,
            ..freeze()
        }))
    }

    /// Sweeps every record, and checks that a second sweep has nothing to do.
    pub(super) fn sweep(&mut self) -> Vec<Event> {
        let targets: Vec<Target> = self.targets();
        let events = self.apply(&Operation::Sweep(targets)).events;
        let again = Operation::Sweep(self.targets());
        let mut ledger = self.book.ledger(&again.scope(), self.now);
        let second = again.decide(&mut ledger, &self.policy, 0);
        assert_eq!(second.events, [], "a second sweep finds nothing");
        assert!(ledger.into_changes().is_empty());
        events
    }

    pub(super) fn targets(&self) -> Vec<Target> {
        let records = self.book.records();
        records.map(|record| record.target.clone()).collect()
    }

    pub(super) fn record(&self, target: &Target) -> &Record {
        self.book.record(target).unwrap()
    }

    pub(super) fn session(&self, target: &Target) -> &Session {
        self.record(target).session.as_ref().unwrap()
    }

    pub(super) fn holder(&self, target: &Target, fingerprint: &str) -> Option<&Holder> {
        self.session(target).holder(&alert(fingerprint).cause())
    }

    /// What is granted now, and for how long from now.
    pub(super) fn granted(&self, target: &Target) -> Option<(Level, Duration)> {
        let session = self.book.record(target)?.session.as_ref()?;
        let grant = session.grant(self.now)?;
        Some((grant.level, grant.until.since(self.now)))
    }

    pub(super) fn is_live(&self, target: &Target) -> bool {
        self.granted(target).is_some()
    }
}

fn in_scope(scope: &Scope, book: &Book) -> Vec<Target> {
    match scope {
        Scope::Targets(targets) => with_parents(targets).collect(),
        Scope::Place(place) => book.place(place).map(|it| it.target.clone()).collect(),
        Scope::Everything => book.records().map(|it| it.target.clone()).collect(),
    }
}
