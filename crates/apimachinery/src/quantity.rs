//! Kubernetes resource quantities (`500m`, `2Gi`, `1e3`).

use std::fmt;

/// A quantity as an exact number of thousandths (milli-units). Finer parts are rounded away from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Quantity(pub i128);

/// Most characters of a quantity's number; far beyond what [`Quantity`] holds.
const MAX_DIGITS: usize = 64;

const BINARY_SUFFIXES: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const BINARY_STEPS: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
/// From 10⁻³ to 10¹⁸, in steps of 1000.
const EXPONENTS: [&str; 8] = ["e-3", "", "e3", "e6", "e9", "e12", "e15", "e18"];
/// From 10⁻⁹ to 10¹⁸, in steps of 1000.
const DECIMAL_SUFFIXES: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];

const SYNTAX: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

impl std::str::FromStr for Quantity {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let end = unsigned.find(|next: char| !next.is_ascii_digit() && next != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(SYNTAX.to_owned());
        }
        let overflow = || format!("{} is too large a quantity", crate::status::quote(text));
        if number.len() > MAX_DIGITS {
            return Err(overflow());
        }
        // digits × 10^-fraction × factor × 10^exponent, in thousandths
        let (factor, exponent) = scale(suffix)?;
        let fraction = fraction.trim_end_matches('0');
        let digits = format!("0{whole}{fraction}").parse::<i128>().map_err(|_| overflow())?;
        let digits = digits.checked_mul(factor).ok_or_else(overflow)?;
        let exponent = exponent + 3 - i32::try_from(fraction.len()).unwrap_or(i32::MAX);
        let power = 10_i128.checked_pow(exponent.unsigned_abs());
        let magnitude = match (digits, exponent >= 0) {
            (0, _) => 0,
            (_, true) => power.and_then(|power| digits.checked_mul(power)).ok_or_else(overflow)?,
            (_, false) => power.map_or(1, |power| divide_up(digits, power)),
        };
        Ok(Quantity(if negative { -magnitude } else { magnitude }))
    }
}

impl Quantity {
    /// Whole units, rounded up (as Kubernetes' `Value()`).
    pub fn value(self) -> i128 {
        self.0.div_euclid(1000) + i128::from(self.0.rem_euclid(1000) != 0)
    }
    /// A quantity of whole units.
    pub fn of(units: i64) -> Self {
        Quantity(i128::from(units) * 1000)
    }
}

/// The canonical form: no fraction, the largest suffix that allows it, binary ones where they say it shorter.
impl fmt::Display for Quantity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Thousandths stand at index 2 of the decimal suffixes.
        let decimal = shorten(self.0, 1000, &DECIMAL_SUFFIXES[2..]);
        if self.0 % 1000 == 0 {
            let binary = shorten(self.0 / 1000, 1024, &BINARY_STEPS);
            if binary.len() < decimal.len() {
                return formatter.write_str(&binary);
            }
        }
        formatter.write_str(&decimal)
    }
}

/// How a quantity is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// In powers of 1000, with their letters: `1k`.
    #[default]
    Decimal,
    /// In powers of 1000, as numbers: `1e3`.
    Exponent,
    /// In powers of 1024: `1Ki`.
    Binary,
}

/// A quantity that is written in the form that it was read in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// How much it is.
    pub quantity: Quantity,
    /// How it is written.
    pub form: Form,
}

impl std::str::FromStr for Amount {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let form = match text.as_bytes() {
            [.., b'i'] => Form::Binary,
            [.., b'0'..=b'9'] if text.contains(['e', 'E']) => Form::Exponent,
            _ => Form::Decimal,
        };
        Ok(Amount { quantity: text.parse()?, form })
    }
}

impl Amount {
    /// So many of something.
    pub fn of(units: i64) -> Self {
        Amount { quantity: Quantity::of(units), form: Form::Decimal }
    }
    /// The sum; nothing takes the form of what is added. One too large for a quantity is the largest.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let form = if self.quantity.0 == 0 { other.form } else { self.form };
        Amount { quantity: Quantity(self.quantity.0.saturating_add(other.quantity.0)), form }
    }
    /// What is left, at least nothing.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        let left = self.quantity.0.saturating_sub(other.quantity.0).max(0);
        Amount { quantity: Quantity(left), ..self }
    }
}

/// Kubernetes' canonical form: the largest suffix that needs no fraction; small numbers have none in either form.
impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milli = self.quantity.0;
        formatter.write_str(&match self.form {
            Form::Binary if milli.abs() >= 1024 * 1000 => shorten(self.quantity.value(), 1024, &BINARY_STEPS),
            Form::Exponent => shorten(milli, 1000, &EXPONENTS),
            _ => shorten(milli, 1000, &DECIMAL_SUFFIXES[2..]),
        })
    }
}

fn shorten(mut number: i128, step: i128, suffixes: &[&str]) -> String {
    let mut index = 0;
    while number != 0 && number % step == 0 && index + 1 < suffixes.len() {
        number /= step;
        index += 1;
    }
    match number {
        0 => "0".to_owned(),
        number => format!("{number}{}", suffixes[index]),
    }
}

/// A suffix as factor and power of ten.
fn scale(suffix: &str) -> Result<(i128, i32), String> {
    if let Some(power) = BINARY_SUFFIXES.iter().position(|known| *known == suffix) {
        return Ok((1_i128 << (10 * (power + 1)), 0));
    }
    if let Some(index) = DECIMAL_SUFFIXES.iter().position(|known| *known == suffix) {
        return Ok((1, i32::try_from(index).unwrap_or(0) * 3 - 9));
    }
    // Exponents beyond three digits overflow, or vanish, anyway.
    let exponent = suffix.strip_prefix(['e', 'E']).filter(|digits| digits.len() <= 4);
    exponent
        .and_then(|digits| digits.parse().ok())
        .map(|exponent| (1, exponent))
        .ok_or_else(|| "unable to parse quantity's suffix".to_owned())
}

fn divide_up(number: i128, by: i128) -> i128 {
    number / by + i128::from(number % by != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_keep_their_form() {
        for (text, canonical) in [
            ("1024", "1024"),
            ("1000", "1k"),
            ("1024Mi", "1Gi"),
            ("512Ki", "512Ki"),
            ("1.5Gi", "1536Mi"),
            ("0Gi", "0"),
            ("0.5", "500m"),
            ("1500m", "1500m"),
            ("2000m", "2"),
            ("1Ki", "1Ki"),
            ("10G", "10G"),
            ("1e3", "1e3"),
            ("1000e0", "1e3"),
            ("1E", "1E"),
        ] {
            assert_eq!(text.parse::<Amount>().unwrap().to_string(), canonical, "{text}");
        }
        let amount = |text: &str| text.parse::<Amount>().unwrap();
        assert_eq!(Amount::default().plus(amount("1Gi")).to_string(), "1Gi");
        assert_eq!(amount("1Gi").plus(amount("1024")).to_string(), "1048577Ki");
        assert_eq!(amount("3").minus(amount("1")).to_string(), "2");
        assert_eq!(amount("1").minus(amount("3")).to_string(), "0");
    }

    #[test]
    fn every_suffix_parses() {
        for (text, milli) in [
            ("0", 0),
            ("1", 1000),
            ("+1", 1000),
            ("-1", -1000),
            ("1.5", 1500),
            (".5", 500),
            ("5.", 5000),
            ("100m", 100),
            ("1n", 1),
            ("1u", 1),
            ("1500u", 2),
            ("-1n", -1),
            ("1k", 1_000_000),
            ("1Ki", 1_024_000),
            ("1M", 1_000_000_000),
            ("1Mi", 1_048_576_000),
            ("2Gi", 2_147_483_648_000),
            ("1e3", 1_000_000),
            ("1E3", 1_000_000),
            ("1e-3", 1),
            ("1E", 1_000_000_000_000_000_000_000),
            ("0.5Gi", 536_870_912_000),
            ("1.0000000000", 1000),
            ("0e999", 0),
            ("1e-999", 1),
            ("1Ti", 1_099_511_627_776_000),
            ("1Pi", 1_125_899_906_842_624_000),
            ("1Ei", 1_152_921_504_606_846_976_000),
        ] {
            assert_eq!(text.parse(), Ok(Quantity(milli)), "{text}");
        }
        for text in [
            "",
            "-",
            ".",
            "1.2.3",
            "x",
            "1 ",
            " 1",
            "1ki",
            "1K",
            "1e",
            "1e1.5",
            "1Kii",
            "--1",
            "1m1",
            "1e+-3",
            "1e40",
            "1e99999",
            "٣",
            "9".repeat(100).as_str(),
        ] {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_canonical_form_is_short() {
        for (text, expect) in [
            ("1024Mi", "1Gi"),
            ("1000", "1k"),
            ("1500m", "1500m"),
            ("0.1", "100m"),
            ("2147483648", "2Gi"),
            ("0", "0"),
            ("-2048", "-2Ki"),
            ("1536Mi", "1536Mi"),
            ("5G", "5G"),
            ("3", "3"),
            ("1025", "1025"),
            ("1E", "1E"),
        ] {
            assert_eq!(text.parse::<Quantity>().unwrap().to_string(), expect, "{text}");
        }
    }

    #[test]
    fn whole_units_round_up() {
        for (text, expect) in [("1", 1), ("1m", 1), ("1001m", 2), ("-1500m", -1), ("1Ki", 1024), ("0", 0)] {
            assert_eq!(text.parse::<Quantity>().unwrap().value(), expect, "{text}");
        }
        assert!("1Gi".parse::<Quantity>().unwrap() > "1G".parse().unwrap());
    }

    proptest! {
        #[test]
        fn display_round_trips(milli in -(1_i128 << 100)..(1_i128 << 100), shift in 0_u32..60) {
            let quantity = Quantity(milli >> shift << shift);
            prop_assert_eq!(quantity.to_string().parse(), Ok(quantity));
        }

        #[test]
        fn any_text_parses_or_is_refused(text in "[-+]?[0-9.eEinumkKMGTP]{0,12}") {
            let _ = text.parse::<Quantity>();
        }
    }
}
