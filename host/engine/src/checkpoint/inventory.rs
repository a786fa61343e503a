//! What an application's operations made, as it is stored: a blob that the head names.

use capstan_core::inventory::Inventory;

use super::Store;
use crate::error::EngineError;

impl Store {
    /// Returns what earlier operations made. What can't be read is taken for nothing: objects are told apart by their field managers
    /// then, and nothing is removed that isn't known to be the application's.
    pub async fn inventory(&self) -> Inventory {
        let Some(blob) = &self.head.inventory else {
            return Inventory::default();
        };
        match self.take(blob).await {
            Ok(inventory) => inventory,
            Err(error) => {
                tracing::warn!(%error, "the application's inventory can't be read");
                Inventory::default()
            }
        }
    }

    /// Stores what operations made; the next write of the head names it.
    ///
    /// # Errors
    ///
    /// Returns why it couldn't be stored.
    pub async fn keep_inventory(&mut self, before: &Inventory, now: &Inventory) -> Result<(), EngineError> {
        if before != now || (self.head.inventory.is_none() && !now.is_empty()) {
            self.head.inventory = Some(self.put(now).await?);
        }
        Ok(())
    }
}
