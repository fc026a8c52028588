//! Draws from the bytes of the fuzzer: choices, cells with a history of trouble, options of a log.

use arbitrary::Unstructured;
use serde_json::{Value, json};

/// A source of choices; where its bytes end, every choice is the first.
#[derive(Debug)]
pub struct Draw<'a>(Unstructured<'a>);

impl<'a> Draw<'a> {
    /// Draws from these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(Unstructured::new(bytes))
    }

    /// One of `0..n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0.int_in_range(0..=n.saturating_sub(1)).unwrap_or(0)
    }

    /// True once in `n`.
    pub(crate) fn once_in(&mut self, n: usize) -> bool {
        self.below(n) + 1 == n
    }

    /// One of these.
    pub(crate) fn pick<'t, T: ?Sized>(&mut self, of: &[&'t T]) -> &'t T {
        of[self.below(of.len())]
    }

    /// Up to `n` of what `one` makes.
    pub(crate) fn some<T>(&mut self, n: usize, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(n + 1)).map(|_| one(self)).collect()
    }

    /// An id: mostly one of a few, so that pairs repeat.
    pub(crate) fn id(&mut self) -> String {
        match self.below(8) {
            0 => self.odd(),
            1 => self.pick(&["B000123456", "A1B2C3D4E5F6G7", "0001234567", "AEXAMPLEUSERNAME12345"]).into(),
            2 => self.pick(&["18446744073709551615", "00000c289a1829a808ac09c00daf10bc3c4e223b", "1.0", "7e2"]).into(),
            _ => format!("{}{}", self.pick(&["", "u", "i"]), self.below(6)),
        }
    }

    /// A rating or a number of plays.
    pub(crate) fn value(&mut self) -> String {
        match self.below(4) {
            0 => self
                .pick(&[
                    "0",
                    "-1",
                    "",
                    " 3 ",
                    "nan",
                    "inf",
                    "-inf",
                    "1e99",
                    "1e-50",
                    "3,5",
                    "five",
                    "0x10",
                    "+4",
                    "-0.0",
                    "NULL",
                    "\\N",
                    "16777217",
                    "3.4028236e38",
                    "true",
                    "٣",
                    "1_0",
                ])
                .into(),
            _ => format!("{}", self.below(11) as f32 / 2.0),
        }
    }

    /// A moment.
    pub(crate) fn time(&mut self) -> String {
        match self.below(3) {
            0 => self
                .pick(&[
                    "1588687728923",
                    "2005-04-02 23:53:47",
                    "2017-08-18T13:55:02.5-07:00",
                    "0001-01-01T00:00:00Z",
                    "Fri Aug 18 13:55:02 -0700 2017",
                    "1969-12-31T23:59:59Z",
                    "9999-12-31T23:59:60+2359",
                    "1e18",
                    "9223372036854775807",
                    "-9223372036854775808",
                    "9e18",
                    "99999999999",
                    "1e400",
                    "nan",
                    "",
                    "2005-02-31",
                    "0-0-0",
                    "1-1-1 1:1",
                    "2005-9223372036854775807-1",
                    "1970-01-01T00:00:00+99:99",
                ])
                .into(),
            _ => (964_982_700 + self.below(40) as i64).to_string(),
        }
    }

    /// A text that some reader may stumble over.
    pub(crate) fn odd(&mut self) -> String {
        self.pick(&[
            "",
            " ",
            "\u{feff}",
            "\u{feff}x",
            "é",
            "名",
            "\u{a0}",
            "\u{2028}",
            "\0",
            "a\"b",
            "\"",
            "\"\"",
            "\"a",
            "a,b",
            "a;b",
            "a\tb",
            "a|b",
            "a::b",
            "a b",
            "a\rb",
            "\r",
            "NA",
            "null",
            "None",
            "user",
            "user_id",
            "item",
            "'x'",
            "\\",
            "\\\"",
            "\\'",
            "(1,2)",
            "(",
            "{",
            "}",
            "{\"a\":1}",
            "[1]",
            "1|2",
            "::",
            "PAR1",
            "\u{1f}\u{8b}",
            "x:token",
            "@@",
            "-1",
            "1e999",
            "9999999999999999999999",
            "=1",
            "#",
            "# x",
            "#x",
            "%",
            "sep=;",
            "//",
            "../x",
            "\u{10ffff}",
            "e\u{301}",
            "İ",
            "ß",
        ])
        .into()
    }

    /// Some words.
    pub(crate) fn words(&mut self) -> String {
        match self.below(4) {
            0 => self.odd(),
            1 => self
                .pick(&["Toy Story (1995)", "Don't", "The \"Best\" of", "A|B", "A, B", "to-read", "(no genres listed)"])
                .into(),
            _ => self.pick(&["Drama", "War", "Film-Noir", "Three", "unknown"]).into(),
        }
    }

    /// Options of a log: layout, rows and disguise, few at a time.
    pub(crate) fn options(&mut self, format: &str) -> Value {
        let mut options = json!({});
        if !self.once_in(3) {
            options["format"] = format.into();
        }
        if self.once_in(3) {
            let guises = ["bom", "crlf", "blank", "gz", "zst", "parts", "end"];
            options["guise"] = self.pick(&guises).into();
        }
        if self.once_in(4) {
            let names = ["user", "item", "rating", "time", "domain", "user.id", "UserId", "overall", "a", ""];
            for role in ["user", "item", "value", "time"] {
                let by_name = self.once_in(2);
                match self.below(3) {
                    0 if by_name => options["columns"][role] = self.pick(&names).into(),
                    0 => options["columns"][role] = self.below(6).into(),
                    _ => {}
                }
            }
        }
        if self.once_in(5) {
            let column = self.pick(&["domain", "rating", "item", "FeedbackType", "user.id", "is_read", ""]);
            options["only"][column] = match self.below(4) {
                0 => json!(1),
                1 => json!(true),
                2 => json!(["a", 0, 5]),
                _ => json!("a"),
            };
        }
        if self.once_in(8) {
            options["delimiter"] =
                self.pick(&[",", ";", "\t", "|", " ", "\"", "\n", "\r", "\\", "\0", "é", ":"]).into();
        }
        if self.once_in(8) {
            options["header"] = self.once_in(2).into();
        }
        if self.once_in(8) {
            options["unrated"] = self.pick(&[&json!(0), &json!(1), &json!(-1)]).clone();
        }
        if self.once_in(12) {
            let times = [1, 3, 40, 300, 5_000, 70_000][self.below(6)];
            let text =
                self.pick(&["a", "[", "{\"a\":", "{'a':", "(", " ", "\n", ",", "\"", "\\", "1,1\n", "\u{feff}", "é"]);
            options["repeat"] = json!([text, times]);
        }
        options
    }
}
