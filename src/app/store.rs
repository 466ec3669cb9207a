//! Opens the store that the configuration names.

use std::sync::Arc;

use anyhow::Context;

use crate::config::StoreAddress;
use crate::domain::policy::Policy;
use crate::metrics::Metrics;
use crate::store::Store;
use crate::store::embedded::Embedded;
use crate::store::metered::Metered;
use crate::store::redis::Redis;

/// Opens the store that `address` names; a Redis need not be there yet.
pub(super) fn open(
    address: &StoreAddress,
    policy: &Arc<Policy>,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<Arc<dyn Store>> {
    let policy = Arc::clone(policy);
    let store: Box<dyn Store> = match address {
        StoreAddress::Redb { path } => {
            if let Some(directory) = path.parent() {
                std::fs::create_dir_all(directory).with_context(|| {
                    format!("cannot make the directory {}", directory.display())
                })?;
            }
            let store = Embedded::open(path, policy);
            Box::new(store.with_context(|| format!("cannot open the store {}", path.display()))?)
        }
        StoreAddress::Memory => Box::new(Embedded::in_memory(policy)?),
        StoreAddress::Redis(address) => Box::new(Redis::new(address.clone(), policy)?),
    };
    Ok(Arc::new(Metered::new(store, Arc::clone(metrics))))
}
