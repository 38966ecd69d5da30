//! Comparing quantities: `1Gi`, `500M`, `1e9`, `0.5Ti`.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// A quantity in billionths, the finest step that Kubernetes knows; larger than any disk is the largest. What cannot be
/// read counts as nothing, as a field that is absent.
pub(super) fn nanos(quantity: Option<&Quantity>) -> i128 {
    quantity.and_then(|q| parse(q.0.trim())).unwrap_or_default()
}

fn parse(text: &str) -> Option<i128> {
    let end = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-')).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (multiplier, decimals): (i128, i32) = match suffix {
        "n" => (1, -9),
        "u" => (1, -6),
        "m" => (1, -3),
        "" => (1, 0),
        "k" => (1, 3),
        "M" => (1, 6),
        "G" => (1, 9),
        "T" => (1, 12),
        "P" => (1, 15),
        "E" => (1, 18),
        "Ki" => (1 << 10, 0),
        "Mi" => (1 << 20, 0),
        "Gi" => (1 << 30, 0),
        "Ti" => (1 << 40, 0),
        "Pi" => (1 << 50, 0),
        "Ei" => (1 << 60, 0),
        exponent => (1, exponent.strip_prefix(['e', 'E'])?.parse().ok()?),
    };
    let is_negative = number.starts_with('-');
    let number = number.strip_prefix(['+', '-']).unwrap_or(number);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    if digits.contains(['+', '-']) {
        return None;
    }
    let value: i128 = digits.parse().ok()?;
    let exponent = decimals.saturating_add(9).saturating_sub(i32::try_from(fraction.len()).ok()?);
    let value = value.saturating_mul(multiplier);
    let power = 10i128.saturating_pow(exponent.unsigned_abs());
    let value = if exponent < 0 { value / power } else { value.saturating_mul(power) };
    Some(if is_negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_compare_across_notations() {
        let nanos = |text: &str| nanos(Some(&Quantity(text.to_owned())));
        for (a, b) in [
            ("1Gi", "1073741824"),
            ("1G", "1e9"),
            ("0.5Ti", "512Gi"),
            ("1.5k", "1500"),
            ("500m", "0.5"),
            ("1E", "1e18"),
        ] {
            assert_eq!(nanos(a), nanos(b), "{a} = {b}");
        }
        for (a, b) in [("1G", "1Gi"), ("999Mi", "1Gi"), ("-1", "0"), ("9Ei", "9e40"), ("1n", "2n")] {
            assert!(nanos(a) < nanos(b), "{a} < {b}");
        }
    }

    #[test]
    fn nonsense_counts_as_nothing() {
        for text in ["", "Gi", "1Xi", "--1", "1.2.3", "e9", "1e99999999999", "١", "1-2"] {
            assert_eq!(nanos(Some(&Quantity(text.to_owned()))), 0, "{text}");
        }
        assert_eq!(nanos(None), 0);
    }
}
