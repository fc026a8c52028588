//! `segue verify`: the numbers of our documents, derived again from stored runs.

mod prose;
mod tables;

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::{Args, FromArgMatches as _, Subcommand};
use segue_lab::write_aside;

use super::{compare, models, table};
use crate::terminal::{Format, markdown, print_table, say};

/// Derive the numbers of documents again from what is stored, and say which differ.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue verify README.md docs/results.md
  segue verify docs/results.md --write       replace what differs

A table is derived where it stands between two comments that name the command it comes from, over folders of stored runs or
files of measurements:

  <!-- from: segue compare docs/runs/ml_100k_* --show hr@10,ndcg@10 -->
  <!-- /from -->

`segue compare FOLDERS...`, `segue models --guide FOLDERS...` and `segue table FILES...` may stand there; * stands for any part of
a name, quotes keep words together, and `--only COLUMN,...` keeps those columns (`gain` stands for `gain over ...`). What the
program prints of itself, `segue models`, stands between `<!-- generated: models --markdown -->` and `<!-- /generated -->`. Tables of
numbers without such a comment, be they indented, quoted or in a block of code, are counted: nothing here vouches for them. With
--strict they are an error but where the line above says why, as in `<!-- no source: floors of the crates, no results -->`, and so
are tables in HTML and those whose lines do not begin with `|`, which nothing looks at.

Numbers with a decimal point in running text and headings (3.5GB, 1.97x), percentages (12 %, 12 percent) and ratios (39x, 39 x), but
for those in `code` and comments, are looked for in the derived tables of their section, rounded as the text has them, and in the table that a comment above
their paragraph names without showing it:

  <!-- numbers: segue table docs/measured/published.csv --rows model --columns metric --show value -->

They are counted, and are an error with --strict, as those of tables are; `<!-- no source: why -->` above a paragraph says why, and
`<!-- no source in this section: why -->` below a heading for all text of its section. Other whole numbers (counts, years, versions)
and blocks of code are left to their author, and any number of those tables vouches for one that is equal to it.")]
pub(crate) struct Arguments {
    /// Markdown documents.
    #[arg(required = true, value_name = "FILE")]
    documents: Vec<PathBuf>,
    /// Write what is stored in place of what the documents say.
    #[arg(long)]
    write: bool,
    /// Take numbers of tables and text that nothing vouches for as an error, unless the line above says why by
    /// `<!-- no source: ... -->`.
    #[arg(long)]
    strict: bool,
    /// How to print.
    #[arg(long)]
    format: Option<Format>,
}

const OPEN: &str = "<!-- from: segue ";
const CLOSE: &str = "<!-- /from -->";
/// Around what the program prints of itself, which `cargo run -p xtask -- generated --write` renews.
const GENERATED: (&str, &str) = ("<!-- generated: ", "<!-- /generated -->");
/// Why a table comes from nothing stored.
const NO_SOURCE: &str = "<!-- no source:";

/// What the documents say and what is stored, as far as the two are compared.
#[derive(Default)]
struct Found {
    /// Derived tables, and the numbers in them.
    derived: (usize, usize),
    /// Lines that differ from what is stored: where, the line, and what is stored.
    differences: Vec<Vec<String>>,
    /// Numbers of the text that stand in a derived table.
    n_told: usize,
    /// Numbers of the text that stand in none, though one is named for them: where, the number, and that.
    missing: Vec<Vec<String>>,
    /// Where tables are that nothing vouches for, and the numbers in all of them.
    alone: (Vec<String>, usize),
    /// Where numbers of the text are that nothing vouches for.
    told_alone: Vec<String>,
    /// Where tables are that nothing looks at.
    unread: Vec<String>,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<()> {
    let mut found = Found::default();
    for document in &args.documents {
        let text = fs::read_to_string(document).map_err(|error| segue_lab::LabError::io("read", document, &error))?;
        let fresh = found.look(document, &text)?;
        if args.write && fresh.as_ref().is_some_and(|fresh| *fresh != text) {
            write_aside(document, |out| out.write_all(fresh.unwrap_or_default().as_bytes()))?;
            say(&format!("wrote {}", document.display()));
        }
    }
    found.tell(args)
}

impl Found {
    /// Compares a document with what is stored; its text with what is stored in place of what it says, if it has derived tables.
    fn look(&mut self, document: &Path, text: &str) -> anyhow::Result<Option<String>> {
        let place = |n: usize| format!("{}:{}", document.display(), n + 1);
        let lines: Vec<&str> = text.lines().collect();
        let blocks = blocks(document, &lines)?;
        let mut fresh: Vec<String> = Vec::new();
        let mut last = 0;
        let mut tables: Vec<(usize, String)> = Vec::new();
        for Block { command, inside } in &blocks {
            let table =
                derive(command).map_err(|error| anyhow::anyhow!("{}:{}: {error}", document.display(), inside.start))?;
            let stands: Vec<&str> =
                lines[inside.clone()].iter().copied().filter(|line| !line.trim().is_empty()).collect();
            let said: Vec<&str> = table.lines().collect();
            self.derived.0 += 1;
            self.derived.1 += said.iter().map(|line| count(line)).sum::<usize>();
            for n in 0..said.len().max(stands.len()) {
                let (stands, said) = (stands.get(n).copied().unwrap_or(""), said.get(n).copied().unwrap_or(""));
                if stands != said {
                    self.differences.push(vec![place(inside.start + n), stands.to_owned(), said.to_owned()]);
                }
            }
            fresh.extend(lines[last..inside.start].iter().map(|line| (*line).to_owned()));
            fresh.extend(table.lines().map(str::to_owned));
            last = inside.end;
            tables.push((inside.start, table));
        }
        let inside: Vec<Range<usize>> = blocks.iter().map(|block| block.inside.clone()).collect();
        for told in told(document, &lines, (&tables, &inside))? {
            match told {
                Told::Found => self.n_told += 1,
                Told::Missing(row) => self.missing.push(row),
                Told::Alone(place) => self.told_alone.push(place),
            }
        }
        self.unread.extend(tables::unread(&lines).into_iter().map(place));
        for table in tables::unvouched(&lines, &inside) {
            self.alone.0.push(place(table.start));
            self.alone.1 += lines[table].iter().map(|line| count(line)).sum::<usize>();
        }
        fresh.extend(lines[last..].iter().map(|line| (*line).to_owned()));
        Ok((!blocks.is_empty()).then(|| fresh.join("\n") + "\n"))
    }

    /// Says what was found; all that is wrong is one error.
    fn tell(&self, args: &Arguments) -> anyhow::Result<()> {
        let Self { derived: (n_tables, n_numbers), n_told, alone: (alone, n_alone), told_alone, unread, .. } = self;
        say(&format!("{n_tables} tables with {n_numbers} numbers derived from stored runs and measurements"));
        say(&format!("{n_told} numbers of the text stand in derived tables"));
        if !alone.is_empty() {
            let (n, places) = (alone.len(), alone.join(", "));
            say(&format!("{n} other tables with {n_alone} numbers come from nothing stored that they name: {places}"));
        }
        if !told_alone.is_empty() {
            let (n, places) = (told_alone.len(), told_alone.join(", "));
            say(&format!("{n} other numbers of the text come from nothing stored that is named: {places}"));
        }
        let differences = if args.write { &[][..] } else { &self.differences };
        let rows: Vec<Vec<String>> = self.missing.iter().chain(differences).cloned().collect();
        if !rows.is_empty() {
            let header = ["place", "the document says", "what is stored"].map(String::from);
            print_table(&header, &rows, Format::or_fitting(args.format))?;
        }
        let mut wrong = Vec::new();
        if !self.missing.is_empty() {
            let n = self.missing.len();
            wrong.push(format!("{n} numbers of the text stand in no table that is named for them"));
        }
        if !differences.is_empty() {
            wrong.push(format!("{} lines differ from what is stored; --write replaces them", differences.len()));
        }
        if args.strict && !unread.is_empty() {
            wrong.push(format!(
                "nothing looks at the tables at {}: write them as Markdown tables whose lines begin with `|`",
                unread.join(", ")
            ));
        }
        if args.strict && !alone.is_empty() {
            wrong.push(format!(
                "nothing vouches for the numbers of the tables at {}: give each `{OPEN}COMMAND -->` and `{CLOSE}`, or say why there is \
                 none by `{NO_SOURCE} ... -->` in the line above",
                alone.join(", ")
            ));
        }
        if args.strict && !told_alone.is_empty() {
            wrong.push(format!(
                "nothing vouches for the numbers of the text at {}: name their table by `{}COMMAND -->` above the paragraph, say why \
                 there is none by `{NO_SOURCE} ... -->`, or write `code` where they are settings",
                told_alone.join(", "),
                prose::NUMBERS
            ));
        }
        anyhow::ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(())
    }
}

/// What became of a number in running text.
enum Told {
    /// It stands in a derived table.
    Found,
    /// It stands in none, though one is named for it: where, the number, and that.
    Missing(Vec<String>),
    /// Nothing is named for it, and nobody says why: where, and the number.
    Alone(String),
}

/// The numbers in the text of a document, whose derived tables begin at these lines and have these.
fn told(
    document: &Path,
    lines: &[&str],
    (tables, derived): (&[(usize, String)], &[Range<usize>]),
) -> anyhow::Result<Vec<Told>> {
    let mut told = Vec::new();
    for paragraph in prose::paragraphs(lines, derived) {
        let place = |n: usize| format!("{}:{}", document.display(), n + 1);
        let named = paragraph.commands().map(derive).collect::<Result<Vec<_>, _>>();
        let named = named.map_err(|error| anyhow::anyhow!("{}: {error}", place(paragraph.lines.start)))?;
        let of_section = tables.iter().filter(|(at, _)| paragraph.section.contains(at)).map(|(_, table)| table);
        let vouching: Vec<&String> = named.iter().chain(of_section).collect();
        let excused = paragraph.comments.iter().any(|comment| excuses(comment));
        let shown = prose::shown(&lines[paragraph.lines.clone()].join("\n"));
        let numbers = paragraph.lines.clone().zip(shown.split('\n'));
        for (n, number) in numbers.flat_map(|(n, line)| prose::numbers(line).into_iter().map(move |found| (n, found))) {
            if vouching.iter().any(|table| prose::stands_in(number, table)) {
                told.push(Told::Found);
            } else if !named.is_empty() {
                told.push(Told::Missing(vec![place(n), number.digits.to_owned(), "no such number".into()]));
            } else if !excused {
                told.push(Told::Alone(format!("{} ({})", place(n), number.digits)));
            }
        }
    }
    Ok(told)
}

/// Whether a comment says why something comes from nothing stored.
fn excuses(comment: &str) -> bool {
    let why = [NO_SOURCE, prose::NOT_IN_SECTION].iter().find_map(|prefix| comment.trim().strip_prefix(prefix));
    why.is_some_and(|why| why.trim().len() > "-->".len())
}

/// A derived table in a document.
struct Block {
    /// What it comes from, without the program's name.
    command: String,
    /// Its lines.
    inside: Range<usize>,
}

fn blocks(document: &Path, lines: &[&str]) -> anyhow::Result<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut n = 0;
    while n < lines.len() {
        let marked = [(OPEN, CLOSE), GENERATED].into_iter().find_map(|(open, close)| {
            let command = lines[n].trim().strip_prefix(open)?.strip_suffix("-->")?;
            Some((command, open, close))
        });
        let Some((command, open, close)) = marked else {
            if lines[n].trim().starts_with("<!-- from:") {
                anyhow::bail!("{}:{}: `{}` is no `{OPEN}COMMAND -->`", document.display(), n + 1, lines[n].trim());
            }
            n += 1;
            continue;
        };
        let end = lines[n..].iter().position(|line| line.trim() == close).map(|at| n + at);
        let Some(end) = end else {
            anyhow::bail!("{}:{}: `{open}` is never closed by `{close}`", document.display(), n + 1)
        };
        blocks.push(Block { command: command.trim().to_owned(), inside: n + 1..end });
        n = end;
    }
    Ok(blocks)
}

/// Numbers of a line of a table: those with a decimal point, and whole cells of digits.
fn count(line: &str) -> usize {
    let words = line.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '@' | '_')));
    // An underscore at either end is emphasis.
    words
        .map(|word| word.trim_matches('_'))
        .filter(|word| word.contains(|c: char| c.is_ascii_digit()) && word.parse::<f64>().is_ok())
        .count()
}

/// What may stand in a comment.
#[derive(Debug, Subcommand)]
enum Source {
    Compare(compare::Arguments),
    Models(models::Arguments),
    Table(table::Arguments),
}

/// The table that a command prints, as Markdown.
fn derive(command: &str) -> anyhow::Result<String> {
    let mut words = Vec::new();
    let mut only: Option<Vec<String>> = None;
    let mut given = split(command)?.into_iter();
    while let Some(word) = given.next() {
        match word.as_str() {
            "--only" => only = given.next().map(|columns| columns.split(',').map(str::to_owned).collect()),
            pattern if pattern.contains('*') => words.extend(named(pattern)?),
            _ => words.push(word),
        }
    }
    let parser = Source::augment_subcommands(clap::Command::new("segue").no_binary_name(true));
    let matches = parser.try_get_matches_from(words).map_err(|error| anyhow::anyhow!("`{command}`: {error}"))?;
    let (header, rows) = match Source::from_arg_matches(&matches)? {
        Source::Compare(args) => compare::table_of_runs(&args)?,
        Source::Models(args) => models::table(&args)?,
        Source::Table(args) => table::table_of_measurements(&args)?,
    };
    let Some(only) = only else { return Ok(markdown(&header, &rows)) };
    let mut places = Vec::new();
    for name in &only {
        // Columns of several words go by the first.
        let called = |column: &String| column == name || column.split(' ').next() == Some(name);
        let Some(at) = header.iter().position(called) else {
            anyhow::bail!("`{command}`: there is no column {name}; there are: {}", header.join(", "))
        };
        places.push(at);
    }
    let kept = |row: &Vec<String>| places.iter().map(|&at| row[at].clone()).collect::<Vec<_>>();
    Ok(markdown(&kept(&header), &rows.iter().map(kept).collect::<Vec<_>>()))
}

/// The words of a command; quotes keep words together, as in a shell.
fn split(command: &str) -> anyhow::Result<Vec<String>> {
    let mut words = Vec::new();
    let (mut word, mut quote): (Option<String>, Option<char>) = (None, None);
    for c in command.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    anyhow::ensure!(quote.is_none(), "`{command}`: a quote is never closed");
    words.extend(word);
    Ok(words)
}

/// The folders and files that a pattern names, by name; `*` stands in the last part of the path.
fn named(pattern: &str) -> anyhow::Result<Vec<String>> {
    let path = Path::new(pattern);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut found: Vec<String> = fs::read_dir(parent)
        .map_err(|error| segue_lab::LabError::io("read", parent, &error))?
        .flatten()
        .filter(|entry| matches(&name, &entry.file_name().to_string_lossy()))
        .map(|entry| parent.join(entry.file_name()).to_string_lossy().into_owned())
        .collect();
    found.sort();
    anyhow::ensure!(!found.is_empty(), "nothing is called {pattern}");
    Ok(found)
}

/// Whether a name fits a pattern in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(tail) = name.strip_prefix(head) else { return false };
    (0..=tail.len()).filter(|&at| tail.is_char_boundary(at)).any(|at| matches(rest, &tail[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(matches("a_*", "a_") && matches("a_*", "a_bc") && matches("*c", "a_bc") && matches("a*b*", "axxbyy"));
        assert!(!matches("a_*", "b_c") && !matches("a*b", "axc") && matches("abc", "abc"));
    }

    #[test]
    fn quotes_keep_words_together() {
        let words = split("table \"a b.csv\"  --show 'p t':mean ''").unwrap();
        assert_eq!(words, ["table", "a b.csv", "--show", "p t:mean", ""]);
        assert!(split("table 'a").is_err());
    }

    #[test]
    fn blocks_are_found_and_an_open_one_is_refused() {
        let text = ["x", "<!-- from: segue compare a -->", "| 1 |", "<!-- /from -->", "| 2 |"];
        let found = blocks(Path::new("d.md"), &text).unwrap();
        assert_eq!((found.len(), found[0].command.as_str(), found[0].inside.clone()), (1, "compare a", 2..3));
        let error = blocks(Path::new("d.md"), &text[..2]).err().unwrap().to_string();
        assert!(error.contains("d.md:2") && error.contains("never closed"), "{error}");
    }

    #[test]
    fn a_source_that_is_none_is_refused() {
        for line in ["<!-- from: sh table.sh -->", "<!-- from:segue compare a -->", "<!-- from: segue compare a"] {
            let error = blocks(Path::new("d.md"), &["", line, "<!-- /from -->"]).err().unwrap().to_string();
            assert!(error.contains("d.md:2") && error.contains(line), "{error}");
        }
    }

    #[test]
    fn numbers_are_counted() {
        assert_eq!(count("| ease | 0.1234 [0.1, 0.2] | 12 | ndcg@10 |"), 4);
        assert_eq!(count("|---|---|"), 0);
        assert_eq!(count("| _0.11_ | __66.5__ | **7** | ml_100 |"), 3);
    }
}
