//! Limits what an operation stores when it starts.

use capstan_core::model::{error::Diagnostic, object::Object, operation_kind::OperationKind};

use super::blob::{self, Packed};
use crate::{error::EngineError, planning::PreparedPlan};

/// The most compressed bytes that an operation may store when it starts: its plan and the manifests. It stores more while it runs, and
/// ten operations are kept, in an etcd that often has a quota of 2 GiB.
const MAX_STORED_BYTES: u64 = 64 * 1024 * 1024;

/// The plan and the manifests of an operation, compressed.
pub(crate) struct PackedPlan {
    pub(super) plan: Packed,
    pub(super) manifests: Option<Packed>,
}

impl PackedPlan {
    /// Compresses a plan and its manifests.
    ///
    /// # Errors
    ///
    /// Returns `InvalidInput` when they are too large to be stored.
    pub fn pack(planned: &PreparedPlan) -> Result<PackedPlan, EngineError> {
        let is_sync = planned.plan.operation_kind == OperationKind::Sync;
        let prepared = PackedPlan {
            plan: blob::pack(&*planned.plan)?,
            manifests: is_sync.then(|| blob::pack(&*planned.manifests)).transpose()?,
        };
        let all = || {
            [Some(&prepared.plan), prepared.manifests.as_ref()]
                .into_iter()
                .flatten()
        };
        let packed: u64 = all().map(|packed| packed.data.len() as u64).sum();
        let largest = all().map(|packed| packed.bytes).max().unwrap_or_default();
        check_packed_bytes(planned.manifests.len(), packed, largest)?;
        Ok(prepared)
    }
}

/// Estimates the size of a plan that isn't run yet.
///
/// # Errors
///
/// Returns `InvalidInput` when it is too large to be stored.
pub(crate) fn check_size(planned: &PreparedPlan) -> Result<(), EngineError> {
    /// How many bytes of manifests are compressed to estimate the ratio.
    const SAMPLE_BYTES: u64 = 1024 * 1024;
    let bytes = blob::json_bytes(&*planned.manifests)?;
    // The plan has them, too.
    let both = bytes.saturating_mul(2);
    if both <= MAX_STORED_BYTES {
        return Ok(());
    }
    let every = usize::try_from(bytes / SAMPLE_BYTES).unwrap_or(usize::MAX).max(1);
    let sample: Vec<&Object> = planned.manifests.iter().step_by(every).collect();
    let packed = blob::pack(&sample)?;
    let estimated = both / packed.bytes.max(1) * packed.data.len() as u64;
    check_packed_bytes(planned.manifests.len(), estimated, bytes)
}

/// Returns an error if an operation stores too much when it starts.
fn check_packed_bytes(objects: usize, packed: u64, largest: u64) -> Result<(), EngineError> {
    let mib = |bytes: u64| bytes / (1024 * 1024);
    let message = if packed > MAX_STORED_BYTES {
        format!(
            "this application is too large to be stored: its {objects} objects take {} MiB, compressed and with their plan, but the limit is {}",
            mib(packed),
            mib(MAX_STORED_BYTES)
        )
    } else if largest > blob::MAX_UNPACKED_BYTES {
        format!(
            "this application is too large to be stored: the plan of its {objects} objects has {} MiB, where {} may be",
            mib(largest),
            mib(blob::MAX_UNPACKED_BYTES)
        )
    } else {
        return Ok(());
    };
    let error = Diagnostic::new(message)
        .hint("nothing was changed; split it into several applications, or leave large data out of manifests");
    Err(EngineError::InvalidInput(vec![error]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warning(packed: u64, largest: u64) -> Option<String> {
        match check_packed_bytes(3, packed, largest) {
            Ok(()) => None,
            Err(EngineError::InvalidInput(mistakes)) => mistakes.first().map(ToString::to_string),
            Err(other) => unreachable!("{other}"),
        }
    }

    #[test]
    fn what_is_too_large_to_be_stored_is_refused_with_its_size() {
        assert_eq!(warning(MAX_STORED_BYTES, blob::MAX_UNPACKED_BYTES), None);
        let compressed = warning(2 * MAX_STORED_BYTES, 0).unwrap_or_default();
        assert!(
            compressed.contains("its 3 objects take 128 MiB, compressed and with their plan, but the limit is 64"),
            "{compressed}"
        );
        let unpacked = warning(0, 2 * blob::MAX_UNPACKED_BYTES).unwrap_or_default();
        assert!(
            unpacked.contains("the plan of its 3 objects has 1024 MiB, where 512 may be"),
            "{unpacked}"
        );
    }
}
