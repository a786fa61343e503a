//! The inventory of an application: the objects that its operations created, stored in a blob that the head names.

use capstan_core::model::inventory::Inventory;

use super::Store;
use crate::error::EngineError;

impl Store {
    /// Returns the objects that earlier operations created. An inventory that can't be read counts as empty: then objects are told apart
    /// by their field managers, and only objects that are known to be the application's are removed.
    pub async fn inventory(&self) -> Inventory {
        let Some(blob) = &self.head.inventory else {
            return Inventory::default();
        };
        match self.read_blob(blob).await {
            Ok(inventory) => inventory,
            Err(error) => {
                tracing::warn!(%error, "the application's inventory can't be read");
                Inventory::default()
            }
        }
    }

    /// Stores the inventory. The next write of the head names it.
    ///
    /// # Errors
    ///
    /// Returns why it couldn't be stored.
    pub async fn store_inventory(&mut self, before: &Inventory, now: &Inventory) -> Result<(), EngineError> {
        if before != now || (self.head.inventory.is_none() && !now.is_empty()) {
            self.head.inventory = Some(self.store_value(now).await?);
        }
        Ok(())
    }
}
