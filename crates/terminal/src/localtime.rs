//! Times as a person here reads them.

use dunlin_model::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, Zoned};

/// The day.
pub(crate) fn date(time: Timestamp, zone: &TimeZone) -> Option<Date> {
    zoned(time, zone).map(|time| time.date())
}

/// The time of day.
pub(crate) fn clock(time: Timestamp, zone: &TimeZone) -> String {
    zoned(time, zone).map_or_else(|| "?".into(), |time| time.strftime("%H:%M").to_string())
}

/// What to call a day.
pub(crate) fn day(date: Date, today: Date) -> String {
    if date == today {
        return "Today".into();
    }
    if today.yesterday().is_ok_and(|yesterday| date == yesterday) {
        return "Yesterday".into();
    }
    let format = if date.year() == today.year() { "%A, %-d %B" } else { "%A, %-d %B %Y" };
    date.strftime(format).to_string()
}

/// The time of day in `zone`, with the date before it when that is not today's.
pub(crate) fn short(time: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (Some(time), Some(now)) = (zoned(time, zone), zoned(now, zone)) else { return "?".into() };
    let format = match (time.year() == now.year(), time.date() == now.date()) {
        (true, true) => "%H:%M",
        (true, false) => "%d %b %H:%M",
        (false, _) => "%d %b %Y %H:%M",
    };
    time.strftime(format).to_string()
}

fn zoned(time: Timestamp, zone: &TimeZone) -> Option<Zoned> {
    let milliseconds = i64::try_from(time.0).ok()?;
    Some(Instant::from_millisecond(milliseconds).ok()?.to_zoned(zone.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_called_as_people_call_them() {
        let today = Date::constant(2026, 3, 1);
        assert_eq!(day(today, today), "Today");
        assert_eq!(day(Date::constant(2026, 2, 28), today), "Yesterday");
        assert_eq!(day(Date::constant(2026, 2, 3), today), "Tuesday, 3 February");
        assert_eq!(day(Date::constant(2025, 12, 31), today), "Wednesday, 31 December 2025");
    }

    #[test]
    fn the_date_is_shown_when_it_is_not_today() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let now = Timestamp(1_700_000_000_000); // 14 November 2023, 23:13:20 there
        assert_eq!(short(now, now, &zone), "23:13");
        assert_eq!(short(Timestamp(now.0 - 86_400_000), now, &zone), "13 Nov 23:13");
        assert_eq!(short(Timestamp(0), now, &zone), "01 Jan 1970 01:00");
    }
}
