//! Reads everything at one instant, and gives an empty store a start.

use std::sync::LazyLock;
use std::time::Instant;

use redis::Script;

use super::Redis;
use super::connection::Purpose;
use super::failure::store_error;
use super::payload::{add_seed, decode_halt, decode_records};
use crate::domain::book::Book;
use crate::domain::time::Time;
use crate::store::{Listing, OpId, Position, StoreError};

/// How often the store is read before it is found ready: after its migrations, and after its first seed.
const ATTEMPTS: usize = 4;

static LIST: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("list.lua")));

/// What the list script returns.
type Listed = (Vec<Option<String>>, i64, String, Vec<String>);

impl Redis {
    /// Brings the store to this binary's schema, seeds it if it is empty, and reads it.
    pub(super) async fn list_or_start(&self, seed: &Book) -> Result<Listing, StoreError> {
        let mut give = None;
        for _ in 0..ATTEMPTS {
            let asked = Instant::now();
            let (state, now, last, records) = self.read(give).await?;
            let [schema, min_compatible, epoch, seq, chain, halt] = &state[..] else {
                return Err(StoreError::corrupt(
                    "the store describes itself in another way",
                ));
            };
            let [schema, min_compatible] =
                [schema, min_compatible].map(|number| number.as_deref().unwrap_or("0"));
            let found = self.may_write(schema, min_compatible)?;
            if self.migrate(found).await? {
                continue;
            }
            let (Some(epoch), Some(seq), Some(chain)) = (epoch, seq, chain) else {
                give = Some(seed);
                continue;
            };
            return Ok(Listing {
                position: Position {
                    epoch: epoch.clone(),
                    seq: seq.parse().map_err(StoreError::corrupt)?,
                    chain: chain.clone(),
                    id: last,
                },
                now: Time::from_millis(now),
                asked,
                book: Book::new(decode_records(&records)?, decode_halt(halt.as_ref())?),
            });
        }
        Err(StoreError::unavailable(
            "the store was emptied again and again",
        ))
    }

    async fn read(&self, seed: Option<&Book>) -> Result<Listed, StoreError> {
        let mut script = LIST.prepare_invoke();
        script.key(&self.keys.state);
        script.arg(self.schema());
        match seed {
            Some(seed) => {
                script.arg(OpId::random()?.to_string());
                add_seed(&mut script, seed)?;
            }
            None => {
                script.arg("");
            }
        }
        self.connections
            .script(Purpose::Feed, &script)
            .await
            .map_err(store_error)
    }
}
