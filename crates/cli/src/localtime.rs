//! Times as a person here reads them.

use dunlin_model::Timestamp;
use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, Zoned};

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
    fn the_date_is_shown_when_it_is_not_today() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let now = Timestamp(1_700_000_000_000); // 14 November 2023, 23:13:20 there
        assert_eq!(short(now, now, &zone), "23:13");
        assert_eq!(short(Timestamp(now.0 - 86_400_000), now, &zone), "13 Nov 23:13");
        assert_eq!(short(Timestamp(0), now, &zone), "01 Jan 1970 01:00");
    }
}
