//! Numbers in style sheets.

use std::fmt;

/// A number, rounded to hundredths. The standard library's text of an `f64` has as many digits as are needed to read the same number again,
/// and would be ten kilobytes of the page.
pub struct Css(pub f64);

impl fmt::Display for Css {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "larger numbers are cut off; a screen has less than 10,000 pixels"
    )]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = (self.0 * 100.0).round() as i64;
        let sign = if hundredths < 0 { "-" } else { "" };
        let (whole, part) = (hundredths.unsigned_abs() / 100, hundredths.unsigned_abs() % 100);
        match part {
            0 => write!(f, "{sign}{whole}"),
            _ => write!(f, "{sign}{whole}.{part:02}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Css;

    #[test]
    fn numbers_have_at_most_two_decimals() {
        let cases = [
            (0.0, "0"),
            (12.0, "12"),
            (0.5, "0.50"),
            (-0.004, "0"),
            (-1.25, "-1.25"),
            (99.999, "100"),
            (1.0 / 3.0, "0.33"),
            (1e300, "92233720368547758.07"),
            (f64::NAN, "0"),
        ];
        for (number, text) in cases {
            assert_eq!(Css(number).to_string(), text);
        }
    }
}
