//! Tables that the program prints stand between markers in the documents and are compared with what it prints now.
//!
//! `<!-- generated: models --markdown -->` … `<!-- /generated -->` holds the output of `segue models --markdown`.

use anyhow::{Context, Result, bail, ensure};

use crate::{cargo, files, read, root, write};

const OPEN: &str = "<!-- generated: ";
const CLOSE: &str = "<!-- /generated -->";

pub(crate) fn check(rewrite: bool) -> Result<()> {
    let mut stale = Vec::new();
    let mut tables = 0;
    for file in files(&root())?.iter().filter(|file| file.extension().is_some_and(|e| e == "md")) {
        let old = read(file)?;
        let new = renewed(&old, &mut |command| {
            tables += 1;
            output_of(command)
        })
        .with_context(|| file.display().to_string())?;
        if new != old {
            if rewrite {
                write(file, &new)?;
            }
            stale.push(file.display().to_string());
        }
    }
    if !stale.is_empty() && !rewrite {
        bail!("out of date: {}; `cargo run -p xtask -- generated --write` renews them", stale.join(", "));
    }
    println!("{tables} generated tables, {} renewed", stale.len());
    Ok(())
}

/// `text` with the lines between markers replaced by what `print` gives for their command. A marker stands alone on its
/// line, so that prose may speak of markers.
fn renewed(text: &str, print: &mut dyn FnMut(&str) -> Result<String>) -> Result<String> {
    let mut out = String::new();
    let mut lines = text.split_inclusive('\n');
    while let Some(line) = lines.next() {
        out.push_str(line);
        let Some(command) = line.trim_end().strip_prefix(OPEN).and_then(|rest| rest.strip_suffix(" -->")) else {
            continue;
        };
        out.push_str(print(command)?.trim_end());
        out.push('\n');
        let close = lines.find(|line| line.trim_end() == CLOSE);
        out.push_str(close.with_context(|| format!("`{OPEN}{command} -->` has no `{CLOSE}`"))?);
    }
    Ok(out)
}

fn output_of(command: &str) -> Result<String> {
    let mut segue = cargo(&root(), &["run", "--quiet", "--locked", "-p", "segue", "--"]);
    let output = segue.args(command.split_whitespace()).output()?;
    ensure!(output.status.success(), "segue {command}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::renewed;

    #[test]
    fn what_stands_between_markers_is_replaced() {
        let text = "a\n<!-- generated: x y -->\nold\nolder\n<!-- /generated -->\nb `<!-- generated: z -->`\n";
        let mut asked = Vec::new();
        let new = renewed(text, &mut |command| {
            asked.push(command.to_owned());
            Ok("new\n".into())
        });
        assert_eq!(new.unwrap(), "a\n<!-- generated: x y -->\nnew\n<!-- /generated -->\nb `<!-- generated: z -->`\n");
        assert_eq!(asked, ["x y"]);
        assert!(renewed("<!-- generated: x -->\n", &mut |_| Ok(String::new())).is_err());
    }
}
