//! The text files of a prepared folder.

use std::io::{self, Write};

use segue_core::{Catalogue, IdMap};

use super::Manifest;
use super::write::MOST_DENSE;
use crate::prepare::report::PrepareReport;

/// A JSON object, one entry per line.
fn object<'a>(out: &mut dyn Write, indent: &str, entries: impl Iterator<Item = (&'a str, usize)>) -> io::Result<()> {
    out.write_all(b"{")?;
    for (n, (key, id)) in entries.enumerate() {
        write!(out, "{}\n{indent}  ", if n == 0 { "" } else { "," })?;
        serde_json::to_writer(&mut *out, key)?;
        write!(out, ": {id}")?;
    }
    write!(out, "\n{indent}}}")
}

pub(super) fn id_map(out: &mut dyn Write, ids: &IdMap) -> io::Result<()> {
    object(out, "", ids.iter().zip(0..))?;
    out.write_all(b"\n")
}

pub(super) fn item_map(out: &mut dyn Write, catalogue: &Catalogue) -> io::Result<()> {
    out.write_all(b"{")?;
    for (d, domain) in catalogue.domains().iter().enumerate() {
        out.write_all(if d == 0 { b"\n  " } else { b",\n  " })?;
        serde_json::to_writer(&mut *out, &domain.name)?;
        out.write_all(b": ")?;
        object(out, "  ", domain.ids.iter().zip(catalogue.range(d).start as usize..))?;
    }
    out.write_all(b"\n}\n")
}

pub(super) fn stats(out: &mut dyn Write, report: &PrepareReport) -> io::Result<()> {
    writeln!(out, "domain,split,users,items,interactions")?;
    for p in &report.parts {
        writeln!(out, "{},{},{},{},{}", p.domain, p.part, p.users, p.items, p.interactions)?;
    }
    Ok(())
}

pub(super) fn readme(out: &mut dyn Write, manifest: &Manifest) -> io::Result<()> {
    let report = &manifest.report;
    writeln!(out, "{}: prepared by `segue prepare`\n", report.data.name)?;
    writeln!(out, "Protocol: {}\n", manifest.protocol)?;
    writeln!(out, "{} users, {} items\n", manifest.n_users, manifest.n_items)?;
    if let Some(n) = manifest.n_features {
        let vectors =
            if n <= MOST_DENSE { "multi_hot has a 0 or 1 for each of them" } else { "too many for multi_hot" };
        writeln!(
            out,
            "{n} features, the same for the items of all domains: maps/feature_map.json names them; of data/items.parquet\n\
             features has the places of those that an item has, {vectors}\n"
        )?;
    }
    writeln!(out, "{:<16} {:<6} {:>10} {:>10} {:>14}", "domain", "split", "users", "items", "interactions")?;
    for p in &report.parts {
        writeln!(out, "{:<16} {:<6} {:>10} {:>10} {:>14}", p.domain, p.part, p.users, p.items, p.interactions)?;
    }
    if !report.questions.is_empty() {
        writeln!(out, "\n{:<30} {:<6} {:>10} {:>14}", "question", "split", "users", "interactions")?;
    }
    for q in &report.questions {
        writeln!(out, "{:<30} {:<6} {:>10} {:>14}", q.task, q.part, q.users, q.interactions)?;
    }
    for (o, of) in report.overlaps_told() {
        writeln!(
            out,
            "\n{} users in both {of} {} ({:.1} %) and of {} ({:.1} %)",
            o.users, o.first, o.percent_of_first, o.second, o.percent_of_second
        )?;
    }
    writeln!(out, "\nSteps (interactions left, removed):")?;
    for s in &report.steps {
        writeln!(out, "  {:<18} {:<16} {:>10} {:>10}", s.step, s.domain, s.interactions, s.removed)?;
    }
    if !report.notes.is_empty() {
        writeln!(out, "\nNotes:")?;
    }
    for note in &report.notes {
        writeln!(out, "  - {note}")?;
    }
    let values = |domain| report.options.values_of(domain);
    let changed = report.data.domains.iter().map(values).any(|values| values.log.is_some() || values.scale.is_some());
    let clipped = report.data.domains.iter().map(values).any(|values| values.clip.is_some());
    let rating = match (changed, clipped) {
        (true, _) => "value after the logarithm and scale of its domain",
        (false, true) => "value, clipped to the range of its domain",
        (false, false) => "raw value",
    };
    writeln!(
        out,
        "\ndata/*.parquet: user and item are the ids of the input, user_id and item_id the dense ones; rating is the\n\
         {rating}, rating_norm the weight; signal is -1 (dislike), 0 or 1 (like); timestamp is unix seconds and\n\
         timestamp_norm that time scaled to [0,1] within the user's events. manifest.json has every option, the hashes\n\
         (FNV-1a, 64 bits) of the input files and of every file here."
    )
}
