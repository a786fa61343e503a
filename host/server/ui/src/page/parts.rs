//! Parts of pages. A part is given values; it knows no address of the interface.

pub mod diff;
pub mod events;
pub mod failure;
pub mod inspector;
pub mod logs;
pub mod summary;
pub mod timeline;
pub mod waiting;
