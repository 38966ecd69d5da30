//! Quantities (`1Gi`, `500m`), read and written as Kubernetes does.

use std::fmt;

/// What Kubernetes says of a quantity that is none.
pub(crate) const MALFORMED: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// A fixed-point number that remembers how its suffix was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantity {
    /// In billionths, the finest that Kubernetes keeps.
    nanos: i128,
    style: Style,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// `Ki`, `Mi`, ….
    Binary,
    /// `m`, `k`, `M`, ….
    Decimal,
    /// `e3`.
    Exponent,
}

const NANOS: i128 = 1_000_000_000;
/// The largest magnitude of a quantity: what an `int64` holds.
const NANOS_MAX: i128 = i64::MAX as i128 * NANOS;
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
/// The index in `DECIMAL` of no suffix.
const ONES: usize = 3;

/// Reads a quantity; `None` where Kubernetes would refuse it.
///
/// As in Kubernetes, what is finer than a billionth is rounded up, away from zero, and what is larger than an `int64`
/// is cut to its largest value.
pub fn parse(text: &str) -> Option<Quantity> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let digits_end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (digits, suffix) = unsigned.split_at(digits_end);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let (style, factor, exponent) = scale(suffix)?;
    let mut nanos = amount(whole, fraction, exponent + 9, factor);
    if negative {
        nanos = -nanos;
    }
    Some(Quantity { nanos, style })
}

/// What a suffix stands for: a factor and a power of ten.
fn scale(suffix: &str) -> Option<(Style, i128, i32)> {
    if let Some(power) = BINARY.iter().position(|known| *known == suffix && !suffix.is_empty()) {
        return Some((Style::Binary, 1 << (10 * power), 0));
    }
    if let Some(index) = DECIMAL.iter().position(|known| *known == suffix) {
        return Some((Style::Decimal, 1, 3 * (index as i32 - ONES as i32)));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?;
    Some((Style::Exponent, 1, exponent))
}

/// `whole.fraction × 10^power × factor`, rounded away from zero and cut to the largest quantity.
fn amount(whole: &str, fraction: &str, power: i32, factor: i128) -> i128 {
    let digits = whole.bytes().chain(fraction.bytes()).skip_while(|digit| *digit == b'0');
    // The digits as a number of at most 38 places; what does not fit is only asked whether it is zero.
    let mut number: i128 = 0;
    let mut dropped: i32 = 0;
    let mut inexact = false;
    for digit in digits {
        if number > NANOS_MAX {
            dropped = dropped.saturating_add(1);
            inexact |= digit != b'0';
        } else {
            number = number * 10 + i128::from(digit - b'0');
        }
    }
    if number == 0 {
        return 0;
    }
    let places = i32::try_from(fraction.len()).unwrap_or(i32::MAX);
    let power = power.saturating_sub(places).saturating_add(dropped);
    let Some(mut number) = number.checked_mul(factor) else { return NANOS_MAX };
    for _ in 0..power {
        if number > NANOS_MAX {
            return NANOS_MAX;
        }
        number *= 10;
    }
    for _ in power..0 {
        inexact |= number % 10 != 0;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    (number + i128::from(inexact)).min(NANOS_MAX)
}

impl Quantity {
    /// The amount in whole units, rounded up: octets for memory and storage.
    pub fn units(self) -> i64 {
        let whole = self.nanos.div_euclid(NANOS) + i128::from(self.nanos.rem_euclid(NANOS) != 0);
        i64::try_from(whole).unwrap_or(i64::MAX)
    }

    /// The amount in billionths, to compare and to order by.
    pub fn nanos(self) -> i128 {
        self.nanos
    }

    /// Whether the amount is below zero.
    pub fn is_negative(self) -> bool {
        self.nanos < 0
    }

    /// Whether the amount is more than the other.
    pub fn exceeds(self, other: Quantity) -> bool {
        self.nanos > other.nanos
    }
}

/// The canonical form: the largest suffix that leaves a whole number.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0");
        }
        let is_small = self.nanos.abs() < 1024 * NANOS;
        if self.style == Style::Binary && !is_small && self.nanos % NANOS == 0 {
            let (number, power) = divided(self.nanos / NANOS, 1024, BINARY.len() - 1);
            // What no binary suffix fits is read back as a decimal one. Kubernetes writes `320000` for `312.5Ki`, and from
            // then on what it reads there: `320k`.
            if power > 0 {
                return write!(f, "{number}{}", BINARY[power]);
            }
        }
        let (number, power) = divided(self.nanos, 1000, DECIMAL.len() - 1);
        match self.style {
            Style::Exponent if power != ONES => write!(f, "{number}e{}", 3 * (power as i32 - ONES as i32)),
            Style::Binary | Style::Decimal | Style::Exponent => write!(f, "{number}{}", DECIMAL[power]),
        }
    }
}

/// The number divided by the base as often as it goes without rest, and how often that was.
fn divided(mut number: i128, base: i128, times_max: usize) -> (i128, usize) {
    let mut times = 0;
    while times < times_max && number % base == 0 {
        number /= base;
        times += 1;
    }
    (number, times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_compare_across_notations() {
        let nanos = |text: &str| parse(text).unwrap().nanos();
        for (a, b) in [
            ("1Gi", "1073741824"),
            ("1G", "1e9"),
            ("0.5Ti", "512Gi"),
            ("1.5k", "1500"),
            ("500m", "0.5"),
            ("1E", "1e18"),
            ("9Ei", "9e40"),
        ] {
            assert_eq!(nanos(a), nanos(b), "{a} = {b}");
        }
        for (a, b) in [("1G", "1Gi"), ("999Mi", "1Gi"), ("-1", "0"), ("7Ei", "9e40"), ("1n", "2n")] {
            assert!(nanos(a) < nanos(b), "{a} < {b}");
        }
    }

    #[test]
    fn what_is_written_is_read_and_written_as_the_same() {
        for (text, written) in [
            ("312.5Ki", "320k"),
            ("1025", "1025"),
            ("1.0009765625Ki", "1025"),
            ("1500Ki", "1500Ki"),
            ("1023", "1023"),
            ("0.5Ki", "512"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), written, "{text}");
            assert_eq!(parse(written).unwrap().to_string(), written, "{text}");
        }
    }

    #[test]
    fn nonsense_is_no_quantity() {
        for text in ["", "Gi", "1Xi", "--1", "1.2.3", "e9", "1e99999999999", "١", "1-2"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
