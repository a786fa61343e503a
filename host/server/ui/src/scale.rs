//! Time to pixels. The fitted scale is piecewise: each wave is a piece with a scale of its own, so that one of 0.1 s can be seen beside one of
//! ten minutes. The linear scale is one for all.

use crate::{columns::Column, span::Millis};

/// How times become positions on the timeline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Each wave has a least width and a share of the rest that grows more slowly than its duration.
    #[default]
    Fitted,
    /// All of time is one length.
    Linear,
}

/// The place of a column on the scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    pub from: Millis,
    /// Always after `from`.
    pub to: Millis,
    pub x: f64,
    pub width: f64,
    /// Whether it is still to come.
    pub is_ahead: bool,
    pub is_running: bool,
}

/// A scale: one piece a column, in the same order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scale {
    pub pieces: Vec<Piece>,
    pub width: f64,
}

/// How fast the width of a piece grows with its duration.
const FITTED_EXPONENT: f64 = 0.42;
/// What takes less is as wide as this.
const LEAST_FITTED: f64 = 400.0;
/// How long a wave is drawn of which nothing is known.
const UNKNOWN: Millis = 1000;

impl Scale {
    /// Makes a scale of columns for a width in pixels; `least` is the least width of a fitted piece.
    pub fn new(columns: &[Column<'_>], width: f64, least: f64, now: Millis, mode: Mode) -> Scale {
        let mut pieces = Vec::with_capacity(columns.len());
        let mut clock = None;
        for column in columns {
            let from = column.from.or(clock).unwrap_or(now);
            let expected = column.expected.unwrap_or(0);
            let to = match (column.from, column.to) {
                (_, Some(to)) => to,
                (Some(_), None) => now.max(from + expected),
                (None, None) => from + expected.max(UNKNOWN),
            };
            pieces.push(Piece {
                from,
                to: to.max(from + 1),
                x: 0.0,
                width: 0.0,
                is_ahead: column.from.is_none(),
                is_running: column.is_running(),
            });
            clock = Some(to);
        }
        let least = match mode {
            Mode::Fitted => least,
            Mode::Linear => 3.0,
        };
        place(&mut pieces, width, least, mode)
    }

    /// Returns where a moment is within a column's piece.
    pub fn x(&self, column: usize, moment: Millis) -> f64 {
        self.pieces.get(column).map_or(0.0, |piece| {
            let part = float(moment - piece.from) / float(piece.to - piece.from);
            piece.x + part.clamp(0.0, 1.0) * piece.width
        })
    }
}

fn place(pieces: &mut [Piece], width: f64, least: f64, mode: Mode) -> Scale {
    let weight = |piece: &Piece| {
        let length = float(piece.to - piece.from);
        match mode {
            Mode::Fitted => length.max(LEAST_FITTED).powf(FITTED_EXPONENT),
            Mode::Linear => length,
        }
    };
    let count = pieces.iter().map(|_| 1.0).sum::<f64>();
    let room = (width - least * count).max(0.0);
    let total: f64 = pieces.iter().map(weight).sum();
    let mut x = 0.0;
    for piece in pieces.iter_mut() {
        piece.x = x;
        piece.width = least + room * weight(piece) / total;
        x += piece.width;
    }
    Scale {
        pieces: pieces.to_vec(),
        width: x,
    }
}

/// Converts a length of time; exact up to thousands of years.
#[expect(clippy::cast_precision_loss, reason = "an operation is shorter than 285,000 years")]
pub fn float(length: Millis) -> f64 {
    length as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use capstan_core::model::{phase::Phase, wave::Wave};

    fn column(from: Option<Millis>, to: Option<Millis>, expected: Option<Millis>) -> Column<'static> {
        Column {
            phase: Phase::Sync,
            wave: Wave(0),
            tasks: Vec::new(),
            from,
            to,
            expected,
        }
    }

    #[test]
    fn pieces_fill_the_width_and_short_ones_stay_visible() {
        let columns = [column(Some(0), Some(100), None), column(Some(100), Some(600_100), None)];
        let scale = Scale::new(&columns, 500.0, 50.0, 600_100, Mode::Fitted);
        assert!((scale.width - 500.0).abs() < 0.001);
        assert!(scale.pieces[0].width >= 50.0);
        assert!(scale.pieces[0].width * 3.0 < scale.pieces[1].width);
        let linear = Scale::new(&columns, 500.0, 50.0, 600_100, Mode::Linear);
        assert!(linear.pieces[0].width < 4.0);
    }

    #[test]
    fn a_running_wave_is_as_wide_as_it_is_expected_to_be_until_it_takes_longer() {
        let columns = [column(Some(0), None, Some(60_000))];
        let scale = Scale::new(&columns, 100.0, 10.0, 15_000, Mode::Fitted);
        assert_eq!(scale.pieces[0].to, 60_000);
        assert!((scale.x(0, 15_000) - 25.0).abs() < 0.001);
        let late = Scale::new(&columns, 100.0, 10.0, 90_000, Mode::Fitted);
        assert!((late.x(0, 90_000) - 100.0).abs() < 0.001);
    }

    #[test]
    fn what_is_ahead_follows_what_runs_and_moments_outside_stay_inside() {
        let columns = [column(Some(0), None, None), column(None, None, Some(5000))];
        let scale = Scale::new(&columns, 200.0, 20.0, 1000, Mode::Linear);
        assert_eq!((scale.pieces[1].from, scale.pieces[1].to), (1000, 6000));
        assert!(scale.pieces[1].is_ahead);
        assert!((scale.x(1, -50) - scale.pieces[1].x).abs() < 0.001);
        assert!((scale.x(1, 99_000) - scale.width).abs() < 0.001);
        assert!(scale.x(7, 0).abs() < 0.001);
    }

    #[test]
    fn more_waves_than_fit_get_the_least_width() {
        let columns: Vec<_> = (0..40).map(|at| column(Some(at), Some(at + 1), None)).collect();
        let scale = Scale::new(&columns, 320.0, 58.0, 40, Mode::Fitted);
        assert!((scale.width - 40.0 * 58.0).abs() < 0.001);
    }
}
