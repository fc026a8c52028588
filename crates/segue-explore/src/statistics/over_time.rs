//! When did it happen?

use segue_core::{date_of_day, day_of_date};
use serde::{Deserialize, Serialize};

use super::whole::{Part, Whole};

const DAY: i64 = 86_400;
/// More periods than this are too fine to look at.
const MOST_PERIODS: i64 = 150;
/// Times that all lie before 1970-04-26 count something, say places in a sequence; nobody logged clicks then.
const LEAST_DATE: i64 = 10_000_000;

/// Events by time, in UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OverTime {
    /// What the times of the log are.
    pub times: Times,
    /// First event, unix seconds (or first place).
    pub first: Option<i64>,
    /// Last event.
    pub last: Option<i64>,
    /// Earliest test event: whoever ranks by global time may learn from what is before.
    pub first_test: Option<i64>,
    /// `day`, `week` (from Monday), `month`, `quarter`, `year`, or `n years`; none where times are no dates.
    pub period: Option<String>,
    /// Every period from the first event to the last, those without events, too.
    pub periods: Vec<Period>,
    /// Domains in the order of [`Period::events`].
    pub domains: Vec<String>,
}

/// What the times of a log are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Times {
    /// It has none.
    None,
    /// Places in an order.
    Places,
    /// Unix seconds.
    Dates,
}

/// One period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// E.g. `2019-05-31`, `2019-05`, `2019-Q2`, `2019`.
    pub name: String,
    /// When it starts, unix seconds.
    pub start: i64,
    /// Events of each domain.
    pub events: Vec<usize>,
    /// Users whose first event in any domain is in this period.
    pub new_users: usize,
}

pub(crate) fn over_time(whole: &Whole<'_>) -> OverTime {
    let domains = (0..whole.n_domains()).map(|d| whole.name(d)).collect();
    let mut found = OverTime {
        times: Times::None,
        first: None,
        last: None,
        first_test: None,
        period: None,
        periods: Vec::new(),
        domains,
    };
    found.times = times_of(whole);
    let Some((first, last)) = ends(whole) else { return found };
    found.first_test = whole.part(Part::Test).events().filter_map(|event| event.time).min();
    (found.first, found.last) = (Some(first), Some(last));
    if found.times != Times::Dates {
        return found;
    }
    let unit = Unit::fitting(first, last);
    let start = unit.of(first);
    found.period = Some(unit.name());
    found.periods = (start..=unit.of(last))
        .map(|n| Period { name: unit.label(n), start: unit.start(n), events: vec![0; whole.n_domains()], new_users: 0 })
        .collect();
    let place = |time: i64| (unit.of(time) - start) as usize;
    whole.for_each_user(|_, events| {
        for (_, event) in events {
            if let Some(time) = event.time {
                found.periods[place(time)].events[whole.domain(event)] += 1;
            }
        }
        if let Some(time) = events.iter().filter_map(|(_, event)| event.time).min() {
            found.periods[place(time)].new_users += 1;
        }
    });
    found
}

/// What the times of a log are.
pub(crate) fn times_of(whole: &Whole<'_>) -> Times {
    match ends(whole) {
        None => Times::None,
        Some((first, last)) if first >= 0 && last < LEAST_DATE => Times::Places,
        Some(_) => Times::Dates,
    }
}

/// First and last event of a log with times.
fn ends(whole: &Whole<'_>) -> Option<(i64, i64)> {
    if !whole.has_times() {
        return None;
    }
    let times = || whole.events().filter_map(|(_, event)| event.time);
    Some((times().min()?, times().max()?))
}

/// A length of period; periods are numbered so that the next one has the next number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Day,
    Week,
    /// So many months, 1, 3 or 12 times a number of years.
    Months(i64),
}

impl Unit {
    fn fitting(first: i64, last: i64) -> Self {
        let units = [Self::Day, Self::Week, Self::Months(1), Self::Months(3), Self::Months(12)];
        let few = |unit: &Self| unit.of(last) - unit.of(first) < MOST_PERIODS;
        units.into_iter().find(few).unwrap_or_else(|| {
            let years = date_of_day(last.div_euclid(DAY)).0 - date_of_day(first.div_euclid(DAY)).0;
            Self::Months(12 * (years / (MOST_PERIODS - 1) + 1))
        })
    }

    fn name(self) -> String {
        match self {
            Self::Day => "day".into(),
            Self::Week => "week".into(),
            Self::Months(1) => "month".into(),
            Self::Months(3) => "quarter".into(),
            Self::Months(12) => "year".into(),
            Self::Months(n) => format!("{} years", n / 12),
        }
    }

    /// The number of the period of a moment.
    fn of(self, time: i64) -> i64 {
        let day = time.div_euclid(DAY);
        match self {
            Self::Day => day,
            // 1970-01-01 was a Thursday.
            Self::Week => (day + 3).div_euclid(7),
            Self::Months(n) => {
                let (year, month, _) = date_of_day(day);
                (12 * year + month - 1).div_euclid(n)
            }
        }
    }

    fn start(self, period: i64) -> i64 {
        DAY * match self {
            Self::Day => period,
            Self::Week => 7 * period - 3,
            Self::Months(n) => day_of_date((n * period).div_euclid(12), (n * period).rem_euclid(12) + 1, 1),
        }
    }

    fn label(self, period: i64) -> String {
        let (year, month, day) = date_of_day(self.start(period).div_euclid(DAY));
        match self {
            Self::Day | Self::Week => format!("{year:04}-{month:02}-{day:02}"),
            Self::Months(1) => format!("{year:04}-{month:02}"),
            Self::Months(3) => format!("{year:04}-Q{}", (month + 2) / 3),
            Self::Months(_) => format!("{year:04}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn periods_fit_the_span_and_leave_none_out() {
        let unit = |from: &str, days: i64| {
            let first = 1_546_300_800; // 2019-01-01
            let unit = Unit::fitting(first, first + DAY * days);
            assert_eq!(unit.label(unit.of(first)), from, "{unit:?}");
            unit.name()
        };
        assert_eq!(unit("2019-01-01", 100), "day");
        assert_eq!(unit("2018-12-31", 400), "week");
        assert_eq!(unit("2019-01", 1500), "month");
        assert_eq!(unit("2019-Q1", 8000), "quarter");
        assert_eq!(unit("2019", 20_000), "year");
        let broken = Unit::fitting(0, 1_546_300_800_000);
        assert!(broken.of(1_546_300_800_000) - broken.of(0) < MOST_PERIODS, "{broken:?}");
    }

    #[test]
    fn events_and_new_users_stand_in_their_months() {
        let mut data = example::prepared();
        let (january, march) = (1_546_300_800, 1_551_398_400 + 200 * DAY);
        data.split.train = example::log(&[(0, 0, 1.0, january), (0, 2, 1.0, march), (1, 2, 1.0, march)]);
        data.split.tasks.clear();
        let found = example::of(&data, over_time);
        assert_eq!((found.times, found.period.as_deref()), (Times::Dates, Some("week")));
        let (first, last) = (&found.periods[0], found.periods.last().unwrap());
        assert_eq!((first.name.as_str(), &first.events, first.new_users), ("2018-12-31", &vec![1, 0], 1));
        assert_eq!((&last.events, last.new_users), (&vec![0, 2], 1));
        assert_eq!(found.periods.iter().flat_map(|p| &p.events).sum::<usize>(), 3);
    }

    #[test]
    fn places_and_no_times_are_no_dates() {
        assert_eq!(example::with(over_time).times, Times::Places);
        let none = example::of(&example::films_alone(), over_time);
        assert_eq!((none.times, none.first, none.periods.len()), (Times::None, None, 0));
    }
}
