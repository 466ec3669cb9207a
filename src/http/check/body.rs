//! What a poll is answered, written by hand: it is asked for more often than everything else together.
//!
//! Nothing in it needs to be escaped: names, endpoints and identities are of characters that JSON takes as they are.

use crate::domain::session::SessionId;
use crate::domain::time::Time;
use crate::http::wire::{instant, whole_seconds};
use crate::snapshot::{Shown, ShownSession};

/// More than most answers need.
const ROOM: usize = 384;

/// What a poll is answered.
pub(super) struct Body<'a> {
    pub(super) app: &'a str,
    pub(super) environment: &'a str,
    pub(super) session: Option<ShownSession>,
    pub(super) shown: &'a Shown,
    pub(super) now: Time,
    pub(super) poll_interval_seconds: u64,
    pub(super) stale: bool,
}

impl Body<'_> {
    pub(super) fn write(&self) -> Vec<u8> {
        let mut json = Json(Vec::with_capacity(ROOM));
        json.text(if self.session.is_some() {
            r#"{"enabled":true,"app":""#
        } else {
            r#"{"enabled":false,"app":""#
        });
        json.text(self.app);
        json.text(r#"","environment":""#);
        json.text(self.environment);
        json.text("\"");
        if self.session == self.shown.whole {
            json.text(self.shown.written(|| self.granted()));
        } else {
            json.text(&self.granted());
        }
        if let Some(session) = self.session {
            json.number(whole_seconds(session.until, self.now));
        }
        json.text(r#","poll_interval_seconds":"#);
        json.number(self.poll_interval_seconds);
        json.text(r#","stale":"#);
        json.text(if self.stale { "true" } else { "false" });
        json.text(r#","endpoints":["#);
        self.write_endpoints(&mut json);
        json.text("]}");
        json.0
    }

    /// What only changes with the revision, up to the number of seconds that are left.
    fn granted(&self) -> String {
        let revision = &self.shown.revision;
        match self.session {
            Some(ShownSession { id, level, until }) => format!(
                r#","level":"{}","session_id":"{id}","revision":"{revision}","expires_at":"{}","expires_in_seconds":"#,
                level.as_str(),
                instant(until),
            ),
            None => format!(r#","revision":"{revision}""#),
        }
    }

    fn write_endpoints(&self, json: &mut Json) {
        let mut separator = r#"{"endpoint":""#;
        for (endpoint, session) in &self.shown.endpoints {
            json.text(separator);
            json.text(endpoint.as_str());
            json.text(r#"","level":""#);
            json.text(session.level.as_str());
            json.text(r#"","session_id":""#);
            json.id(session.id);
            json.text(r#"","expires_in_seconds":"#);
            json.number(whole_seconds(session.until, self.now));
            json.text("}");
            separator = r#",{"endpoint":""#;
        }
    }
}

/// JSON that is being written.
struct Json(Vec<u8>);

impl Json {
    fn text(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    fn id(&mut self, id: SessionId) {
        self.text(&id.to_string());
    }

    fn number(&mut self, number: u64) {
        self.text(&number.to_string());
    }
}

#[cfg(test)]
mod tests;
