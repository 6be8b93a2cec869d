//! The company's calendar: when its quarters start and how its files write an instant.

use jiff::Timestamp;

/// Reads an instant written in this source.
pub fn at(text: &str) -> Timestamp {
    text.parse().expect("instants in this module's source are well formed")
}

/// Writes an instant as both CRMs' files hold it, to the second.
pub fn written(instant: Timestamp) -> String {
    Timestamp::from_second(instant.as_second()).unwrap_or(instant).to_string()
}

/// Writes the date of an instant in UTC.
pub fn date(instant: Timestamp) -> String {
    written(instant).chars().take(10).collect()
}

/// Names the calendar quarter of an instant in UTC, as campaign names do: `2026q3`.
pub fn quarter(instant: Timestamp) -> String {
    let text = date(instant);
    let month: usize = text[5..7].parse().unwrap_or(1);
    format!("{}q{}", &text[..4], (month - 1) / 3 + 1)
}

/// First instant of the reported quarter that is inside it in New York and in Los Angeles.
pub fn period_opens() -> Timestamp {
    at("2026-07-01T07:00:00Z")
}

/// End of what the nightly connector still carried over, with some hours to spare.
pub fn period_settles() -> Timestamp {
    at("2026-09-28T22:00:00Z")
}

/// Last nightly run of the connector.
pub fn last_sync() -> Timestamp {
    at("2026-09-30T06:00:00Z")
}

/// The connector's first nightly run after an instant, with that run's own delay in seconds.
pub fn next_sync(after: Timestamp, delay_seconds: i64) -> Timestamp {
    let day = after.as_second().div_euclid(86_400);
    let mut run = day * 86_400 + 6 * 3_600;
    if run <= after.as_second() {
        run += 86_400;
    }
    Timestamp::from_second(run + delay_seconds).unwrap_or(after)
}

/// Quarters before the reported one with the number of people who became MQL in each.
pub fn earlier_quarters() -> Vec<(Timestamp, Timestamp, usize)> {
    let starts =
        ["2025-01-01", "2025-04-01", "2025-07-01", "2025-10-01", "2026-01-01", "2026-04-01"];
    let ends = ["2025-03-31", "2025-06-30", "2025-09-30", "2025-12-31", "2026-03-31", "2026-06-29"];
    let volumes = [228, 251, 274, 306, 349, 377];
    starts
        .iter()
        .zip(ends)
        .zip(volumes)
        .map(|((start, end), volume)| {
            (at(&format!("{start}T09:00:00Z")), at(&format!("{end}T20:00:00Z")), volume)
        })
        .collect()
}
