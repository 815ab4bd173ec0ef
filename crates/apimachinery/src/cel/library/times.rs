//! Points in time and spans of it.

use jiff::{
    SignedDuration, Timestamp, Zoned,
    tz::{Offset, TimeZone},
};

use super::{Failure, Row, Site, Value, unfit};
use crate::{cel::value::Moment, schema::readings};

pub(super) const ROWS: &[Row] = &[
    ("timestamp(timestamp): timestamp", |args, _| args.first().cloned().map_or_else(unfit, Ok)),
    ("timestamp(string): timestamp", to_timestamp),
    ("timestamp(int): timestamp", to_timestamp),
    ("duration(duration): duration", |args, _| args.first().cloned().map_or_else(unfit, Ok)),
    ("duration(string): duration", to_duration),
    ("duration(int): duration", to_duration),
    ("_+_(timestamp, duration): timestamp", |args, _| shift(args, false)),
    ("_+_(duration, timestamp): timestamp", |args, _| match args {
        [span, time] => shift(&[time.clone(), span.clone()], false),
        _ => unfit(),
    }),
    ("_+_(duration, duration): duration", |args, _| spans(args, i64::checked_add)),
    ("_-_(timestamp, duration): timestamp", |args, _| shift(args, true)),
    ("_-_(duration, duration): duration", |args, _| spans(args, i64::checked_sub)),
    ("_-_(timestamp, timestamp): duration", between),
    ("timestamp.getFullYear(): int", |args, _| part(args, |time| i64::from(time.year()))),
    ("timestamp.getFullYear(string): int", |args, _| part(args, |time| i64::from(time.year()))),
    ("timestamp.getMonth(): int", |args, _| part(args, |time| i64::from(time.month()) - 1)),
    ("timestamp.getMonth(string): int", |args, _| part(args, |time| i64::from(time.month()) - 1)),
    ("timestamp.getDayOfYear(): int", |args, _| part(args, |time| i64::from(time.day_of_year()) - 1)),
    ("timestamp.getDayOfYear(string): int", |args, _| part(args, |time| i64::from(time.day_of_year()) - 1)),
    ("timestamp.getDayOfMonth(): int", |args, _| part(args, |time| i64::from(time.day()) - 1)),
    ("timestamp.getDayOfMonth(string): int", |args, _| part(args, |time| i64::from(time.day()) - 1)),
    ("timestamp.getDate(): int", |args, _| part(args, |time| i64::from(time.day()))),
    ("timestamp.getDate(string): int", |args, _| part(args, |time| i64::from(time.day()))),
    ("timestamp.getDayOfWeek(): int", |args, _| part(args, weekday)),
    ("timestamp.getDayOfWeek(string): int", |args, _| part(args, weekday)),
    ("timestamp.getHours(): int", |args, _| part(args, |time| i64::from(time.hour()))),
    ("timestamp.getHours(string): int", |args, _| part(args, |time| i64::from(time.hour()))),
    ("timestamp.getMinutes(): int", |args, _| part(args, |time| i64::from(time.minute()))),
    ("timestamp.getMinutes(string): int", |args, _| part(args, |time| i64::from(time.minute()))),
    ("timestamp.getSeconds(): int", |args, _| part(args, |time| i64::from(time.second()))),
    ("timestamp.getSeconds(string): int", |args, _| part(args, |time| i64::from(time.second()))),
    ("timestamp.getMilliseconds(): int", |args, _| part(args, |time| i64::from(time.millisecond()))),
    ("timestamp.getMilliseconds(string): int", |args, _| part(args, |time| i64::from(time.millisecond()))),
    ("duration.getHours(): int", |args, _| whole(args, 3_600_000_000_000)),
    ("duration.getMinutes(): int", |args, _| whole(args, 60_000_000_000)),
    ("duration.getSeconds(): int", |args, _| whole(args, 1_000_000_000)),
    ("duration.getMilliseconds(): int", |args, _| whole(args, 1_000_000)),
];

/// The first and the last second that there are: those of the years 1 and 9999.
const YEARS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// Reads a point in time as the language writes it.
pub(in crate::cel) fn read(text: &str) -> Option<Moment> {
    let at: Timestamp = text.parse().ok()?;
    (text.len() >= 20 && text.as_bytes().get(10) == Some(&b'T') && YEARS.contains(&at.as_second()))
        .then_some(Moment { at, offset_seconds: readings::offset(text) })
}

/// A point in time as the language writes it.
pub(super) fn show(time: Moment) -> String {
    match Offset::from_seconds(time.offset_seconds) {
        Ok(offset) if time.offset_seconds != 0 => {
            let zoned = time.at.to_zoned(TimeZone::fixed(offset));
            zoned.strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string()
        }
        _ => time.at.to_string(),
    }
}

/// The last whole second.
pub(super) fn second(time: Moment) -> i64 {
    let second = time.at.as_nanosecond().div_euclid(1_000_000_000);
    i64::try_from(second).unwrap_or_default()
}

/// A span in seconds.
pub(super) fn show_duration(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let (seconds, rest) =
        (nanoseconds.unsigned_abs() / 1_000_000_000, nanoseconds.unsigned_abs() % 1_000_000_000);
    match rest {
        0 => format!("{sign}{seconds}s"),
        rest => format!("{sign}{seconds}.{}s", format!("{rest:09}").trim_end_matches('0')),
    }
}

fn overflow(what: &str) -> Failure {
    Failure::error(format!("{what} overflow"))
}

fn to_timestamp<'a>(args: &[Value<'a>], _: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let time = match args {
        [Value::String(text)] => read(text),
        [Value::Int(seconds)] => {
            let seconds = Some(*seconds).filter(|seconds| YEARS.contains(seconds));
            let seconds = seconds.ok_or_else(|| overflow("timestamp"))?;
            Timestamp::from_second(seconds).ok().map(|at| Moment { at, offset_seconds: 0 })
        }
        _ => return unfit(),
    };
    let why = "type conversion error from 'string' to 'google.protobuf.Timestamp'";
    time.map(Value::Timestamp).ok_or_else(|| Failure::error(why))
}

fn to_duration<'a>(args: &[Value<'a>], _: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let why = "type conversion error from 'string' to 'google.protobuf.Duration'";
    match args {
        [Value::String(text)] => {
            readings::go_duration(text).map(Value::Duration).ok_or_else(|| Failure::error(why))
        }
        [Value::Int(nanoseconds)] => Ok(Value::Duration(*nanoseconds)),
        _ => unfit(),
    }
}

fn shift<'a>(args: &[Value<'a>], back: bool) -> Result<Value<'a>, Failure> {
    let [Value::Timestamp(time), Value::Duration(nanoseconds)] = args else { return unfit() };
    let span = SignedDuration::from_nanos(*nanoseconds);
    let moved = if back { time.at.checked_sub(span) } else { time.at.checked_add(span) };
    let moved = moved.ok().filter(|moved| YEARS.contains(&moved.as_second()));
    let moved = moved.map(|at| Value::Timestamp(Moment { at, ..*time }));
    moved.ok_or_else(|| overflow("timestamp"))
}

fn spans<'a>(args: &[Value<'a>], run: fn(i64, i64) -> Option<i64>) -> Result<Value<'a>, Failure> {
    let [Value::Duration(left), Value::Duration(right)] = args else { return unfit() };
    run(*left, *right).map(Value::Duration).ok_or_else(|| overflow("duration"))
}

fn between<'a>(args: &[Value<'a>], _: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [Value::Timestamp(left), Value::Timestamp(right)] = args else { return unfit() };
    let nanoseconds = left.at.as_nanosecond() - right.at.as_nanosecond();
    i64::try_from(nanoseconds).map(Value::Duration).map_err(|_| overflow("duration"))
}

fn weekday(time: &Zoned) -> i64 {
    i64::from(time.weekday().to_sunday_zero_offset())
}

fn part<'a>(args: &[Value<'a>], of: fn(&Zoned) -> i64) -> Result<Value<'a>, Failure> {
    let (time, zone) = match args {
        [Value::Timestamp(time)] => (time, TimeZone::UTC),
        [Value::Timestamp(time), Value::String(name)] => (time, time_zone(name)?),
        _ => return unfit(),
    };
    Ok(Value::Int(of(&time.at.to_zoned(zone))))
}

/// A zone by its name or as an offset (`-08:00`).
fn time_zone(name: &str) -> Result<TimeZone, Failure> {
    let Some((hours, minutes)) = name.split_once(':') else {
        let unknown = |_| Failure::error(format!("unknown time zone {name}"));
        return TimeZone::get(name).map_err(unknown);
    };
    let offset = || {
        let negative = hours.starts_with('-');
        let seconds = hours.parse::<i32>().ok()?.checked_abs()?.checked_mul(3600)?
            + minutes.parse::<i32>().ok().filter(|minutes| (0..60).contains(minutes))? * 60;
        Offset::from_seconds(if negative { -seconds } else { seconds }).ok()
    };
    offset().map(TimeZone::fixed).ok_or_else(|| Failure::error(format!("unknown time zone {name}")))
}

fn whole<'a>(args: &[Value<'a>], unit: i64) -> Result<Value<'a>, Failure> {
    let [Value::Duration(nanoseconds)] = args else { return unfit() };
    Ok(Value::Int(nanoseconds / unit))
}
