//! A scratch folder with the program in it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use segue_data::synth::{World, WorldConfig};
use tempfile::TempDir;

/// Small enough to train anything in a second, large enough for every step to have work.
pub(crate) const SMALL_WORLD: [&str; 3] = ["data=sample", "data.world.n_users=250", "evaluation.bootstrap=50"];

pub(crate) struct Scratch(TempDir);

/// What a command left behind.
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Every file of a folder that holds nothing else, by name.
    #[track_caller]
    pub(crate) fn contents(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let files = fs::read_dir(self.path(folder)).unwrap().map(Result::unwrap);
        files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())).collect()
    }

    /// With a `MovieLens` folder where the movie recommender's commands look for it.
    pub(crate) fn with_movielens() -> Self {
        let scratch = Self::new();
        let world = World::generate(&WorldConfig::small()).unwrap();
        world.write_movielens_small(&scratch.path("data/movielens-small")).unwrap();
        scratch
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn command(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_segue"));
        command.current_dir(self.0.path()).args(args).env_remove("RAYON_NUM_THREADS").env_remove("SEGUE_DATA");
        command
    }

    pub(crate) fn run(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Done {
        done(self.command(args).output().unwrap())
    }

    /// Runs a command line as it stands in a document, the leading `segue` left out; plain words and quotes.
    pub(crate) fn line(&self, line: &str) -> Done {
        self.run(words(line))
    }

    #[track_caller]
    pub(crate) fn ok(&self, line: &str) -> String {
        let done = self.line(line);
        assert_eq!(done.code, Some(0), "segue {line}\n{}", done.stderr);
        done.stdout
    }

    /// The command fails as a user's mistake does, saying all of `parts`, and leaves no folder `outputs/x`.
    #[track_caller]
    pub(crate) fn fails(&self, line: &str, parts: &[&str]) {
        let done = self.line(line);
        assert!(matches!(done.code, Some(1 | 2)), "segue {line}: code {:?}\n{}", done.code, done.stderr);
        for part in parts {
            assert!(done.stderr.contains(part), "segue {line}\nshould say `{part}`, but says:\n{}", done.stderr);
        }
        assert!(!done.stderr.contains("panicked"), "segue {line}\n{}", done.stderr);
    }
}

pub(crate) fn done(output: Output) -> Done {
    Done {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Splits at spaces outside quotes; quotes are removed, as a shell does.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote, mut open) = (String::new(), None, false);
    for c in line.chars() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '\'' | '"') => (quote, open) = (Some(c), true),
            (None, ' ') => {
                if open || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                open = false;
            }
            (_, c) => word.push(c),
        }
    }
    if open || !word.is_empty() {
        words.push(word);
    }
    words
}

/// The folder of public data sets, or `None` with a printed reason.
pub(crate) fn public_data() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("SEGUE_DATA").map_or(default, PathBuf::from);
    if folder.is_dir() {
        return Some(folder.canonicalize().unwrap());
    }
    println!("skipped: {} is not there; set SEGUE_DATA to the folder of public data sets", folder.display());
    None
}
