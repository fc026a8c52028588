//! A model is one file and two lines: removing each, and adding one, leaves a project that compiles.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::{cargo, files, read, root, write};

/// The crates of models; the worked example joins the first.
const CRATES: [&str; 2] = ["segue-models", "segue-neural"];

/// Removes each model in turn from a copy of the workspace and compiles what is left.
pub(crate) fn remove_each() -> Result<()> {
    let copy = Copy::make()?;
    let mut broken = Vec::new();
    for of in CRATES {
        let whole = read(&copy.lib(of))?;
        for module in modules(&whole) {
            let file = copy.source(of).join(format!("{module}.rs"));
            let source = read(&file)?;
            std::fs::remove_file(&file)?;
            write(&copy.lib(of), &without(&whole, &module))?;
            let compiled = copy.cargo(&["check", "--quiet", "-p", "segue", "-p", of, "--all-targets"]);
            write(&file, &source)?;
            match compiled {
                Ok(()) => println!("without {module}: compiles"),
                Err(error) => {
                    println!("without {module}: {error}");
                    broken.push(module);
                }
            }
        }
        write(&copy.lib(of), &whole)?;
    }
    ensure!(
        broken.is_empty(),
        "does not compile without {}: it is named outside its file and lines",
        broken.join(", ")
    );
    Ok(())
}

/// Adds the worked example of CONTRIBUTING.md to a copy as it says, and asks what every model is asked.
pub(crate) fn add_the_worked_example() -> Result<()> {
    let copy = Copy::make()?;
    let guide = read(&root().join("CONTRIBUTING.md"))?;
    let lines = fenced(&guide, "rust,worked-example-lines")?;
    let (declaration, entry) = lines.trim().split_once('\n').context("the worked example has two lines")?;
    let module = module_of(declaration);
    let [of, ..] = CRATES;
    write(&copy.source(of).join(format!("{module}.rs")), fenced(&guide, "rust,worked-example")?)?;
    write(&copy.lib(of), &with(&read(&copy.lib(of))?, declaration, entry)?)?;
    copy.cargo(&["fmt", "--check", "-p", of])?;
    let mut test = copy.command(&["test", "--quiet", "-p", of, "--test", "conformance"]);
    ensure!(test.env("SEGUE_MODEL", module).status()?.success(), "the worked example does not conform");
    println!("the worked example `{module}` compiles and conforms");
    Ok(())
}

/// The text of the block fenced as `info`.
fn fenced<'t>(text: &'t str, info: &str) -> Result<&'t str> {
    let open = format!("```{info}\n");
    let start = text.find(&open).with_context(|| format!("CONTRIBUTING.md has no block ```{info}"))? + open.len();
    // Rust comments may fence blocks of their own; the end stands at the start of a line.
    let length = text[start..].find("\n```\n").context("a block does not end")?;
    Ok(&text[start..=start + length])
}

/// Modules that the list of models names, as in `ModelEntry::of::<ease::Ease>()`.
fn modules(lib: &str) -> Vec<String> {
    let listed = lib.lines().filter_map(|line| line.trim().strip_prefix("ModelEntry::of::<"));
    listed.filter_map(|rest| rest.split_once("::")).map(|(module, _)| module.to_owned()).collect()
}

/// The crate root without a model: its `mod` line, what it re-exports, its line in the list.
fn without(lib: &str, module: &str) -> String {
    let heads = [
        format!("mod {module};"),
        format!("pub mod {module};"),
        format!("pub use {module}::"),
        format!("ModelEntry::of::<{module}::"),
    ];
    let mut kept = String::new();
    let mut lines = lib.lines();
    while let Some(mut line) = lines.next() {
        if !heads.iter().any(|head| line.trim_start().starts_with(head)) {
            kept.push_str(line);
            kept.push('\n');
            continue;
        }
        // A statement may take several lines.
        while !line.trim_end().ends_with([';', ',']) || line.starts_with(' ') && !line.contains("ModelEntry") {
            let Some(next) = lines.next() else { break };
            line = next;
        }
    }
    kept
}

/// `ease` of `mod ease;` or `pub mod ease;`.
fn module_of(declaration: &str) -> &str {
    declaration.trim_start_matches("pub ").trim_start_matches("mod ").trim_end_matches(';')
}

/// The crate root with a model's two lines: the first before the other modules, sorted in, the second last in the list.
fn with(lib: &str, declaration: &str, entry: &str) -> Result<String> {
    let is_module = |line: &str| line.trim_start_matches("pub ").starts_with("mod ");
    let later = |line: &&str| is_module(line) && module_of(line) > module_of(declaration);
    let before = lib.lines().find(later).or_else(|| lib.lines().find(|line| line.starts_with("pub use ")));
    let before = before.context("the crate root has modules")?;
    let lib = lib.replacen(&format!("{before}\n"), &format!("{declaration}\n{before}\n"), 1);
    let (head, tail) = lib.rsplit_once("];").context("the list of models ends with `];`")?;
    Ok(format!("{head}    {entry}\n];{tail}"))
}

/// A copy of the workspace beside the build outputs. It stays for the next time: what has not changed is not copied, so
/// that cargo does not compile it again.
struct Copy {
    folder: PathBuf,
    target: PathBuf,
}

impl Copy {
    fn make() -> Result<Self> {
        let root = root();
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        let folder = target.join("xtask/copy");
        std::fs::create_dir_all(&folder)?;
        for file in files(&folder)? {
            if !root.join(file.strip_prefix(&folder)?).exists() {
                std::fs::remove_file(file)?;
            }
        }
        for file in files(&root)? {
            let to = folder.join(file.strip_prefix(&root)?);
            let new = std::fs::read(&file)?;
            if std::fs::read(&to).ok().as_ref() != Some(&new) {
                std::fs::create_dir_all(to.parent().unwrap_or(Path::new("/")))?;
                std::fs::write(&to, new)?;
            }
        }
        Ok(Self { folder, target })
    }

    fn source(&self, of: &str) -> PathBuf {
        self.folder.join("crates").join(of).join("src")
    }

    fn lib(&self, of: &str) -> PathBuf {
        self.source(of).join("lib.rs")
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = cargo(&self.folder, args);
        command.env("CARGO_TARGET_DIR", &self.target);
        command
    }

    fn cargo(&self, args: &[&str]) -> Result<()> {
        let output = self.command(args).output()?;
        if !output.status.success() {
            let said = [output.stdout, output.stderr].concat();
            bail!("cargo {}:\n{}", args.join(" "), String::from_utf8_lossy(&said));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIB: &str = "mod ease;\nmod mf;\n\npub use ease::Ease;\npub use mf::{\n    Mf,\n    MfModel,\n};\n\n\
                       pub static MODELS: &[ModelEntry] = &[\n    ModelEntry::of::<ease::Ease>(),\n    \
                       ModelEntry::of::<mf::Mf>(),\n];\n";

    #[test]
    fn a_model_is_its_file_and_its_lines() {
        assert_eq!(modules(LIB), ["ease", "mf"]);
        let left = without(LIB, "mf");
        assert!(!left.contains("mf") && !left.contains("Mf") && !left.contains('}'), "{left}");
        assert!(left.contains("mod ease;") && left.ends_with("of::<ease::Ease>(),\n];\n"), "{left}");
        assert!(!without(LIB, "ease").to_lowercase().contains("ease"));
        let more = with(LIB, "pub mod knn;", "ModelEntry::of::<knn::Knn>(),").unwrap();
        assert!(more.starts_with("mod ease;\npub mod knn;\nmod mf;\n"), "{more}");
        assert!(more.ends_with("of::<mf::Mf>(),\n    ModelEntry::of::<knn::Knn>(),\n];\n"), "{more}");
    }

    #[test]
    fn blocks_are_found_by_their_mark() {
        let guide = "x\n```rust,worked-example\n//! ```text\n//! ```\na\n```\n```rust,worked-example-lines\nb\n```\n";
        assert_eq!(fenced(guide, "rust,worked-example").unwrap(), "//! ```text\n//! ```\na\n");
        assert_eq!(fenced(guide, "rust,worked-example-lines").unwrap(), "b\n");
        assert!(fenced(guide, "rust,other").is_err());
    }
}
