//! How operations are stored in the cluster.
//!
//! Every application has a head: a small Secret under optimistic lock, which names immutable, compressed blobs (Secrets too, since plans
//! and manifests hold Secret data). Blobs are written before the head that names them, and removed after the head no longer names them. A
//! Lease says which driver may write.

mod blob;
mod head;
mod identity;
mod inventory;
mod lease;
mod lease_guard;
mod size;
mod store;

pub use self::head::{ContainerLogs, CurrentOperation, DueObject, PastOperation, StoredLogs};
pub(crate) use self::{
    identity::Identity,
    lease::{Lock, LockEvent, LockEvents, is_held, remove_signal, request_termination, send_signal, wait_until_free},
    lease_guard::LeaseGuard,
    size::{PackedPlan, check_size},
    store::{Store, applications, is_stored, remove_state},
};
