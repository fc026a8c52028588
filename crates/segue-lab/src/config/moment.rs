//! A point in time handed in by the caller, and its `strftime` text.

use segue_core::{date_of_day, day_of_date};

/// A wall-clock reading with its time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Unix time in seconds.
    pub unix_seconds: i64,
    /// Microseconds within the second.
    pub microseconds: u32,
    /// Local time minus UTC, in seconds.
    pub utc_offset_seconds: i32,
}

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl Moment {
    /// Local time in a `strftime` pattern.
    ///
    /// # Errors
    /// The first conversion that is not among `%Y %m %d %H %M %S %f %y %j %a %A %b %B %p %I %s %z %F %T %%`.
    pub fn format(&self, pattern: &str) -> Result<String, String> {
        let local = self.unix_seconds.saturating_add(i64::from(self.utc_offset_seconds));
        let (days, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, day) = date_of_day(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let month_name = MONTHS[usize::try_from(month - 1).unwrap_or(0) % 12];
        // 1 January 1970 was a Thursday.
        let day_name = DAYS[usize::try_from((days + 4).rem_euclid(7)).unwrap_or(0)];
        let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
        let offset = self.utc_offset_seconds;
        let mut out = String::with_capacity(pattern.len() + 8);
        let mut characters = pattern.chars();
        while let Some(c) = characters.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let part = match characters.next() {
                Some('Y') => format!("{year:04}"),
                Some('m') => format!("{month:02}"),
                Some('d') => format!("{day:02}"),
                Some('H') => format!("{hour:02}"),
                Some('M') => format!("{minute:02}"),
                Some('S') => format!("{second:02}"),
                Some('f') => format!("{:06}", self.microseconds),
                Some('y') => format!("{:02}", year.rem_euclid(100)),
                Some('j') => format!("{:03}", days - day_of_date(year, 1, 1) + 1),
                Some('a') => day_name[..3].to_owned(),
                Some('A') => day_name.to_owned(),
                Some('b') => month_name[..3].to_owned(),
                Some('B') => month_name.to_owned(),
                Some('p') => if hour < 12 { "AM" } else { "PM" }.to_owned(),
                Some('I') => format!("{hour12:02}"),
                Some('s') => self.unix_seconds.to_string(),
                Some('z') => {
                    let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs() / 60);
                    format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
                }
                Some('F') => format!("{year:04}-{month:02}-{day:02}"),
                Some('T') => format!("{hour:02}:{minute:02}:{second:02}"),
                Some('%') => "%".to_owned(),
                other => {
                    let found = other.map(String::from).unwrap_or_default();
                    return Err(format!(
                        "unknown time conversion `%{found}`; there are %Y %m %d %H %M %S %f %y %j %a %A %b %B %p %I %s %z \
                         %F %T %%"
                    ));
                }
            };
            out += &part;
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(unix_seconds: i64, utc_offset_seconds: i32, pattern: &str, expected: &str) {
        let moment = Moment { unix_seconds, microseconds: 7, utc_offset_seconds };
        assert_eq!(moment.format(pattern).as_deref(), Ok(expected));
    }

    #[test]
    fn local_times() {
        check(0, 0, "%Y-%m-%d_%H-%M-%S", "1970-01-01_00-00-00");
        check(1_709_210_096, 0, "%F %T %a %j", "2024-02-29 12:34:56 Thu 060");
        check(1_709_210_096, 19_800, "%H:%M %z", "18:04 +0530");
        check(-1, 0, "%F %T.%f", "1969-12-31 23:59:59.000007");
        check(951_868_800, -3600, "%d %B %y %I%p 100%%", "29 February 00 11PM 100%");
        let moment = Moment { unix_seconds: 0, microseconds: 0, utc_offset_seconds: 0 };
        assert!(moment.format("%Q").unwrap_err().contains("unknown time conversion `%Q`"));
        assert!(moment.format("%").is_err());
        let extreme = Moment { unix_seconds: i64::MAX, microseconds: 0, utc_offset_seconds: i32::MAX };
        assert!(extreme.format("%F").is_ok());
    }
}
