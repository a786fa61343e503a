//! Argo CD's waves for objects that are pruned.

use std::collections::BTreeSet;

use crate::model::wave::Wave;

/// Returns the wave in which Argo CD prunes an object: it reverses the order of the waves that contain pruned objects.
pub(crate) fn mirrored_wave(wave: Wave, waves: &BTreeSet<Wave>) -> Wave {
    let before = waves.range(..wave).count();
    waves.iter().rev().nth(before).copied().unwrap_or(wave)
}

/// Returns the wave of objects with `PruneLast`: the one after the highest wave of Sync, at least 1.
pub(crate) fn prune_last_wave(highest: Option<Wave>) -> Wave {
    Wave(highest.map_or(0, |wave| wave.0.max(0)).saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waves_are_swapped_end_for_end() {
        for (waves, expected) in [
            (vec![0], vec![0]),
            (vec![0, 1], vec![1, 0]),
            (vec![-2, 0, 5], vec![5, 0, -2]),
            (vec![1, 2, 3, 9], vec![9, 3, 2, 1]),
        ] {
            let all: BTreeSet<Wave> = waves.iter().copied().map(Wave).collect();
            let swapped: Vec<i32> = all.iter().map(|wave| mirrored_wave(*wave, &all).0).collect();
            assert_eq!(swapped, expected, "{waves:?}");
        }
    }

    #[test]
    fn the_last_wave_is_positive_and_after_all_others() {
        assert_eq!(prune_last_wave(None), Wave(1));
        assert_eq!(prune_last_wave(Some(Wave(-7))), Wave(1));
        assert_eq!(prune_last_wave(Some(Wave(4))), Wave(5));
        assert_eq!(prune_last_wave(Some(Wave(i32::MAX))), Wave(i32::MAX));
    }
}
