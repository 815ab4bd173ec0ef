//! What texts with a format say: the values that validation rules see.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::formats::{Format, LONG_DURATION, fits};

/// The bytes that a text with the format `byte` stands for.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    if !text.is_empty() && !fits(Format::Byte, text) {
        return None;
    }
    let digits = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

/// Midnight of a day, in UTC.
pub(crate) fn date(text: &str) -> Option<Timestamp> {
    if !fits(Format::Date, text) {
        return None;
    }
    text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|midnight| midnight.timestamp())
}

/// A point in time.
pub(crate) fn date_time(text: &str) -> Option<Timestamp> {
    if !fits(Format::DateTime, text) {
        return None;
    }
    let text = text.to_uppercase();
    // An offset may be missing.
    text.parse().or_else(|_| format!("{text}Z").parse()).ok()
}

/// Seconds that the end of a point in time says it is ahead of UTC.
pub(crate) fn offset(text: &str) -> i32 {
    let end = text.len().checked_sub(6).and_then(|at| text.get(at..));
    let Some((hours, minutes)) = end.and_then(|end| end.split_once(':')) else { return 0 };
    let Some(sign @ ('+' | '-')) = hours.chars().next() else { return 0 };
    let (Ok(hours), Ok(minutes)) = (hours[1..].parse::<i32>(), minutes.parse::<i32>()) else { return 0 };
    let ahead = hours * 3600 + minutes * 60;
    if sign == '-' { -ahead } else { ahead }
}

/// Nanoseconds of a span as Go writes it (`1h30m`, `-1.5s`).
pub(crate) fn go_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_i128;
    while !rest.is_empty() {
        let end = rest.find(|next: char| !next.is_ascii_digit() && next != '.')?;
        let (number, behind) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || number.len() > 30 {
            return None;
        }
        let end = behind.find(|next: char| next.is_ascii_digit() || next == '.').unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(end);
        let unit: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let digits: i128 = format!("0{whole}{fraction}").parse().ok()?;
        let part = digits.checked_mul(unit)? / 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        total = total.checked_add(part)?;
        rest = behind;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

/// Nanoseconds of a span, also with days, weeks and words (`2 days`), as the format `duration` takes it.
pub(crate) fn duration(text: &str) -> Option<i64> {
    if let Some(nanoseconds) = go_duration(text) {
        return Some(nanoseconds);
    }
    let mut found = None;
    for captures in LONG_DURATION.captures_iter(text) {
        let count: i64 = captures[1].parse().ok()?;
        let unit: i64 = match captures[2].to_lowercase().as_str() {
            "ns" | "nano" => 1,
            "us" | "µs" | "micro" => 1_000,
            "ms" | "milli" => 1_000_000,
            "s" | "sec" => 1_000_000_000,
            "m" | "min" => 60_000_000_000,
            "h" | "hr" | "hour" => 3_600_000_000_000,
            "d" | "day" => 86_400_000_000_000,
            _ => 604_800_000_000_000,
        };
        found = Some(found.unwrap_or(0_i64).wrapping_add(count.wrapping_mul(unit)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, expect) in [
            ("0", Some(0)),
            ("1h30m", Some(5_400_000_000_000)),
            ("-1.5s", Some(-1_500_000_000)),
            ("1.000000001s", Some(1_000_000_001)),
            ("1", None),
            ("", None),
            ("s", None),
            ("1.2.3s", None),
            ("300000000000h", None),
        ] {
            assert_eq!(go_duration(text), expect, "{text}");
        }
        assert_eq!(duration("2 days"), Some(172_800_000_000_000));
        assert_eq!(duration("1w"), Some(604_800_000_000_000));
        assert_eq!(duration("soon"), None);
    }

    #[test]
    fn dates_and_bytes_are_read() {
        assert_eq!(base64("aGVsbG8="), Some(b"hello".to_vec()));
        assert_eq!(base64(""), Some(Vec::new()));
        assert_eq!(base64("a"), None);
        assert_eq!(date("2024-02-29").map(|day| day.as_second()), Some(1_709_164_800));
        assert_eq!(date("2024-02-30"), None);
        assert_eq!(date_time("2024-02-29T01:00:00+01:00").map(|time| time.as_second()), Some(1_709_164_800));
        assert_eq!(offset("2024-02-29T01:00:00+01:30"), 5400);
        assert_eq!(offset("2024-02-29T01:00:00.5-08:00"), -28800);
        assert_eq!((offset("2024-02-29T01:00:00Z"), offset("short")), (0, 0));
        assert_eq!(date_time("2024-02-29t00:00:00z").map(|time| time.as_second()), Some(1_709_164_800));
    }
}
