//! Tenants that several claims of a batch share, each read once.

use std::{collections::HashMap, sync::Arc};

use shareville_core::{store::Result, tenant::Tenant};
use uuid::Uuid;

use crate::row::record;

/// The tenants of a batch of claims.
#[derive(Debug, Default)]
pub(crate) struct Tenants(HashMap<Uuid, Arc<Tenant>>);

impl Tenants {
    /// A tenant out of its record, or as it was read before.
    pub(crate) fn read(&mut self, id: Uuid, json: &str) -> Result<Arc<Tenant>> {
        if let Some(known) = self.0.get(&id) {
            return Ok(Arc::clone(known));
        }
        let tenant = Arc::new(record(json)?);
        self.0.insert(id, Arc::clone(&tenant));
        Ok(tenant)
    }
}
