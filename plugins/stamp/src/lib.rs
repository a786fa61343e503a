//! Writes and reads the manifest that a plugin's component carries in the custom section `capstan:plugin`, so that one
//! file is all there is to move and pin, and nothing has to run to know what is in it.
//!
//! In reading order: `pattern` (group and kind), `claim`, `grants`, `manifest` (the whole, from `plugin.toml`), `check` (what
//! makes one valid), `shown` (what texts may not hold), `schema` (of its settings), `cost` (what that costs to judge by), `section` (into a component and out again), `names` (what a component imports and
//! exports), `anatomy` (what it is made of). It compiles nothing and trusts nothing: what it reads may come from a stranger.

mod anatomy;
mod check;
mod claim;
mod cost;
mod grants;
mod manifest;
mod names;
mod pattern;
mod schema;
mod section;
mod shown;

pub use anatomy::{Anatomy, Producer, anatomy};
pub use check::{Flaw, Flaws};
pub use claim::{Claim, Interface};
pub use cost::{MAX_DEPTH, SettingsCost, settings_cost};
pub use grants::{ClusterGrant, Grants, HttpGrant, SecretGrant};
pub use manifest::{CONTRACTS, Limits, Manifest, ManifestError};
pub use names::{exports, imports};
pub use pattern::{KindPattern, PatternError};
pub use section::{MAX_MANIFEST, ReadError, SECTION, StampError, read, stamp, with_language};
pub use shown::{is_hidden, visible};
