//! Every mistake is answered with what, where and the way out, and leaves nothing half-written.

use std::fs;
use std::io::Write as _;
use std::process::Command;

use crate::support::{SMALL_WORLD, Scratch, done};

const TABLE: &str = "train model=popularity prepare=default evaluation.bootstrap=50 data.root=.";

/// A data group of one CSV file.
fn with_ratings(content: impl AsRef<[u8]>) -> Scratch {
    let scratch = Scratch::new();
    scratch.write("ratings.csv", content);
    scratch.write("movies.csv", "movieId,title,genres\n1,One,Drama\n2,Two,\n3,Three,Comedy|Drama\n");
    scratch
}

const HEADER: &str = "userId,movieId,rating,timestamp\n";

#[test]
fn empty_and_misplaced_files() {
    with_ratings("").fails(TABLE, &["ratings.csv", "empty"]);
    with_ratings(HEADER).fails(TABLE, &["ratings.csv"]);
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path("ratings.csv")).unwrap();
    scratch.write("movies.csv", "movieId,title,genres\n");
    scratch.fails(TABLE, &["ratings.csv", "director"]);
    Scratch::new().fails(TABLE, &["ratings.csv", "no such file"]);
}

#[test]
fn truncated_gzip() {
    let scratch = Scratch::new();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    for line in 0..20_000 {
        writeln!(gzip, "{} {} {}", line, line % 7, line % 11).unwrap();
    }
    let bytes = gzip.finish().unwrap();
    scratch.write("gowalla/train.txt.gz", &bytes[..bytes.len() / 2]);
    scratch.write("gowalla/test.txt.gz", &bytes);
    scratch.fails("train model=popularity data=gowalla data.root=gowalla", &["train.txt.gz", "truncated"]);
}

#[test]
fn values_that_are_no_ratings() {
    let rows = |rating: &str| format!("{HEADER}1,1,4.0,1\n1,2,{rating},2\n2,1,3.0,1\n2,3,4.0,2\n");
    with_ratings(rows("NaN")).fails(TABLE, &["ratings.csv", "3"]);
    with_ratings(rows("inf")).fails(TABLE, &["ratings.csv", "3"]);
    with_ratings(rows("four")).fails(TABLE, &["ratings.csv", "3", "four"]);
}

#[test]
fn logs_too_small_to_ask_anything_say_so_or_answer() {
    // One user, one item; one interaction each; all ratings equal: never a panic, always a message or a result.
    let one = with_ratings(format!("{HEADER}1,1,4.0,1\n"));
    one.fails(TABLE, &["after the split", "split.min_history"]);
    let singles: String = (1..50).map(|u| format!("{u},{},4.0,{u}\n", u % 3 + 1)).collect();
    with_ratings(format!("{HEADER}{singles}")).fails(TABLE, &["after the split", "split=ratio"]);
    let equal: String = (1..30).flat_map(|u| (1..4).map(move |i| format!("{u},{i},3.0,{}\n", u * 10 + i))).collect();
    let scratch = with_ratings(format!("{HEADER}{equal}"));
    for model in ["random", "popularity", "item_knn", "svd", "ease", "ials", "mf", "lightgcn"] {
        let line = TABLE.replace("popularity", model) + &format!(" run_name={model}");
        let done = scratch.line(&line);
        assert!(matches!(done.code, Some(0 | 1)), "{line}\n{}", done.stderr);
        assert!(!done.stderr.contains("panicked"), "{line}\n{}", done.stderr);
    }
}

#[test]
fn equal_ratings_have_an_exact_answer() {
    let equal: String = (1..30).flat_map(|u| (1..7).map(move |i| format!("{u},{i},3.5,{}\n", u * 10 + i))).collect();
    let scratch = with_ratings(format!("{HEADER}{equal}"));
    let stdout = scratch.ok(&format!(
        "{} evaluation.metrics=[rmse] split=ratio prepare.positive_threshold=3 trainer.early_stopping.metric=rmse",
        TABLE.replace("popularity", "svd")
    ));
    let rmse: f64 =
        stdout.lines().find(|l| l.starts_with("rmse")).unwrap().split('\t').nth(1).unwrap().parse().unwrap();
    assert!(rmse.abs() < 0.05, "{stdout}");
}

#[test]
fn a_time_limit_keeps_the_best_so_far() {
    let scratch = Scratch::new();
    let line = format!(
        "train {} model=mf trainer.max_epochs=10000000 trainer.early_stopping.enabled=false trainer.time_limit=1 run_name=r",
        SMALL_WORLD.join(" ")
    );
    let stdout = scratch.ok(&line);
    assert!(stdout.contains("ndcg@10"), "{stdout}");
    let log = fs::read_to_string(scratch.path("outputs/segue/r/train_log.csv")).unwrap();
    assert!(log.lines().count() > 1 && log.lines().count() < 10_000_000, "{log}");
    scratch.ok("recommend --run outputs/segue/r --user 1");
}

#[test]
fn missing_times() {
    let no_times: String = (1..9).flat_map(|u| (1..4).map(move |i| format!("{u},{i},4\n"))).collect();
    let scratch = with_ratings(format!("userId,movieId,rating\n{no_times}"));
    scratch.fails(TABLE, &["time", "ratio"]);
    scratch.ok(&format!("{TABLE} split=ratio"));
}

#[test]
fn names_nobody_knows() {
    let scratch = Scratch::new();
    scratch.fails("prepare prepare.max_items=9 --out x", &["did you mean `prepare.max_rows`?"]);
    for key in ["data.columns", "data.domains.columns"] {
        let line = format!("prepare data=log data.root=log.csv {key}={{user:who}} --out x");
        scratch.fails(&line, &["did you mean `data.domains.0.columns`?", "write +data.domains.0.columns={user:who}"]);
    }
    scratch.fails("prepare prepare.core=null --out x", &["prepare.core", "expected a group with `users`"]);
    scratch.fails("train model=lihgtgcn", &["lihgtgcn", "did you mean `lightgcn`"]);
    scratch.fails("train model=mf model.factor=3", &["factor", "factors"]);
    scratch.fails("train data=moveilens", &["moveilens", "movielens"]);
    scratch.fails("train trainer.max_epoch=3", &["max_epoch", "max_epochs"]);
    scratch.fails("train model=mf model.factors=0", &["factors", "0"]);
    scratch.fails("train model=mf model.factors=many", &["factors", "many"]);
    scratch.fails("train model=ease trainer.learning_rate=0.1", &["trainer.learning_rate", "ease"]);
    scratch.fails("train model=mf evaluation.metrics=[ndgc]", &["ndgc", "ndcg"]);
    scratch.fails("train model=mf trainer.early_stopping.metric=ndgc@10", &["early_stopping.metric", "ndcg"]);
    scratch
        .fails("train model=svd trainer.early_stopping.metric=rmse trainer.early_stopping.mode=max", &["worst", "min"]);
    scratch.fails("train model=mf trainer.early_stopping.patience=0", &["patience", "[1"]);
    scratch.fails("train data_dir=x data.target=books", &["data.target=books", "segue prepare"]);
    scratch.fails("train model=mf evaluation.k_values=[0]", &["k_values"]);
    scratch.fails("train model=mf model.factors", &["="]);
    scratch.fails("train model=mf seed=-1", &["seed: ", "-1"]);
    scratch.fails("train model=mf scope=foo", &["scope: ", "foo", "shuffled"]);
    scratch.fails("train model=mf trainer.max_epochs=x", &["trainer.max_epochs: ", "x"]);
    scratch.fails("train model=mf trainer.time_limit=-3", &["trainer.time_limit", "-3"]);
    scratch.fails("train model=mf run_name=../../x", &["run_name", "out="]);
    scratch.fails("train model=mf 'evaluation.metrics=[ndcg,rmse]'", &["evaluation.metrics", "rmse", "mf"]);
    scratch.fails("train model=popularity data=sample evaluation.bootstrap=1", &["bootstrap", "at least 40"]);
    // Before there are data, and so before anything is trained.
    scratch
        .fails("train model=popularity data_dir=x evaluation.bootstrap=39", &["evaluation.bootstrap", "at least 40"]);
    // No data are there: it is refused before they are looked for.
    for resamples in ["1000001", "100000000000", "1000000000000000000"] {
        scratch.fails(
            &format!("train model=popularity data_dir=x evaluation.bootstrap={resamples}"),
            &["evaluation.bootstrap: ", &format!("= {resamples} is out of range: at least 40"), "at most 1000000"],
        );
    }
    let allowed = scratch.line("train model=popularity data_dir=x evaluation.bootstrap=1000000");
    assert!(allowed.code != Some(0) && !allowed.stderr.contains("evaluation.bootstrap"), "{}", allowed.stderr);
    scratch.fails("models eese", &["eese", "ease"]);
    scratch.fails("train --config-dir nowhere", &["nowhere"]);
    scratch.fails("compare model=popularity data=sample,movielens", &["compare asks one question"]);
    scratch.fails("compare model=popularity data=sample out=x", &["out=x", "no run folders"]);
}

#[test]
fn stored_models() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    scratch.ok(&format!("train {world} model=ease run_name=r"));
    let run = "--run outputs/segue/r";
    scratch.fails(&format!("recommend {run} --user nobody"), &["nobody", "--like"]);
    scratch.fails(&format!("recommend {run}"), &["--user", "--like"]);
    scratch.fails(&format!("recommend {run} --like music:1 -k 0"), &["k = 0", "at least 1"]);
    scratch.fails(&format!("recommend {run} --like zzzzzz"), &["zzzzzz"]);
    scratch.fails(&format!("recommend {run} --like ''"), &["empty"]);
    scratch.fails(&format!("recommend {run} --like music:1 --dislike music:1"), &["both liked and disliked"]);
    scratch.fails(&format!("recommend {run} --user 1 --target games"), &["games", "films"]);
    scratch.fails("recommend --run nowhere --user 1", &["nowhere"]);
    scratch.fails(&format!("similar {run} 1 -k 0"), &["-k 0"]);
    scratch.fails(&format!("evaluate {run} --data nowhere"), &["nowhere"]);
    scratch.ok("prepare data=sample data.world.n_users=250 data.target=books data.source=[] --out books");
    scratch.ok(&format!("train {world} model=popularity scope=target run_name=films"));
    scratch.fails("similar --run outputs/segue/films 1", &["popularity", "item_knn"]);
    scratch.fails("evaluate --run outputs/segue/films --data books", &["none of the", "books", "films"]);
    let model = segue::Bundle::load(&scratch.path("outputs/segue/films"), &segue::registry()).unwrap();
    let (books, _) = segue::load_folder(&scratch.path("books")).unwrap();
    let parts = segue::Evaluator::new(&[10]).breakdown(&model, &books, segue_eval::By::Activity);
    assert!(parts.unwrap_err().to_string().contains("none of the"));
    scratch.fails(&format!("evaluate {run} --data nowhere model.l2=3"), &["model.l2", "evaluation"]);

    let file = scratch.path("outputs/segue/r/model.safetensors");
    let bytes = fs::read(&file).unwrap();
    let version = b"\\\"format\\\":1";
    let at = bytes.windows(version.len()).position(|w| w == version).unwrap();
    let mut other = bytes.clone();
    other[at + version.len() - 1] = b'9';
    fs::write(&file, &other).unwrap();
    scratch.fails(&format!("recommend {run} --user 1"), &["model.safetensors", "format 9", "train again"]);
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    scratch.fails(&format!("recommend {run} --user 1"), &["model.safetensors", "damaged"]);
    scratch.fails("recommend --run outputs --user 1", &["model.safetensors"]);
}

#[test]
fn places_that_cannot_be_written() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    scratch.fails(&format!("train {world} model=popularity out=/proc/segue/run"), &["/proc/segue"]);
    scratch.fails(&format!("prepare {world} --out /proc/segue"), &["/proc/segue", "name another folder"]);
    scratch.write("taken/notes.txt", "mine");
    scratch.fails(&format!("prepare {world} --out taken"), &["taken"]);
    scratch.fails(&format!("train {world} model=popularity out=taken overwrite=true"), &["taken", "no run folder"]);
    scratch.fails(&format!("train {world} model=popularity out=taken/notes.txt overwrite=true"), &["no run folder"]);
    // A run is no prepared data, and what lies beside prepared data is not ours.
    scratch.ok(&format!("train {world} model=popularity out=run"));
    scratch.fails(&format!("prepare {world} --out run"), &["run", "was not written by `segue prepare`"]);
    scratch.ok(&format!("prepare {world} --out prepared"));
    scratch.ok(&format!("prepare {world} --out prepared"));
    scratch.write("prepared/maps/thesis.txt", "mine");
    scratch.fails(&format!("prepare {world} --out prepared"), &["prepared", "thesis.txt", "move it away"]);
    assert_eq!(fs::read_to_string(scratch.path("prepared/maps/thesis.txt")).unwrap(), "mine");
    scratch.ok("export prepared --format csv --out exported");
    scratch.write("exported/mine.txt", "mine");
    scratch.fails("export prepared --format csv --out exported", &["exported", "mine.txt"]);
    scratch.write("x.partial/notes.txt", "mine");
    scratch.fails(&format!("train {world} model=popularity out=x"), &["x.partial", "move it"]);
    assert!(scratch.path("x.partial/notes.txt").is_file());
    scratch.fails(&format!("train {world} model=popularity out="), &["out="]);
    assert_eq!(fs::read_to_string(scratch.path("taken/notes.txt")).unwrap(), "mine");
}

/// A limit on file size stands in for a full disk: the write fails in the middle.
#[test]
fn a_disk_that_fills_up() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    for (what, folder) in
        [(format!("prepare {world} --out out"), "out"), (format!("train {world} model=ease out=run"), "run")]
    {
        let script = format!("trap '' XFSZ; ulimit -f 40; exec {} {what}", env!("CARGO_BIN_EXE_segue"));
        let mut shell = Command::new("bash");
        shell.args(["-c", &script]).current_dir(scratch.path("")).env("TMPDIR", "/dev/shm");
        let done = done(shell.output().unwrap());
        assert_eq!(done.code, Some(1), "{what}\n{}", done.stderr);
        assert!(done.stderr.contains("error:") && !done.stderr.contains("panicked"), "{what}\n{}", done.stderr);
        assert!(!scratch.path(folder).exists(), "{what} left {folder} half-written");
    }
}

#[test]
fn a_fold_that_no_path_uses_is_refused() {
    let scratch = with_ratings(format!("{HEADER}1,1,5,1\n1,2,4,2\n1,3,4,3\n"));
    scratch.fails("prepare data=log data.root=ratings.csv data.fold=3 --out o", &["data.fold=3", "split.fold"]);
    scratch.ok("prepare data=log data.root=ratings.csv data.fold=null --out o");
}

#[test]
fn what_a_key_takes_is_said_in_words() {
    let scratch = with_ratings(format!("{HEADER}1,1,5,1\n1,2,4,2\n1,3,4,3\n"));
    let whole = "a whole number of at least 0";
    for (given, expected) in [
        ("data.max_bad_lines=-1", whole),
        ("prepare.memory=-1", whole),
        ("prepare.memory=lots", whole),
        ("prepare.core.users=1.5", whole),
        ("seed=-1", whole),
        ("split.folds=-1", "a whole number from 0 to 4294967295"),
        ("prepare.train_size=half", "a number"),
        ("prepare.normalise=3", "true or false"),
        ("prepare.clip=5", "a list of two"),
        ("evaluation.k_values=5", "a list"),
        ("split.targets=5", "one value, or a list of them"),
        ("data.source=5", "one value, or a list of them"),
        ("prepare.only_users=5", "a path"),
    ] {
        let key = given.split('=').next().unwrap();
        scratch.fails(&format!("prepare data=log data.root=ratings.csv {given} --out o"), &[key, expected]);
    }
    let domain = "data.domains=[{name:a,path:ratings.csv,max_rows:-1}]";
    scratch.fails(&format!("prepare data=log {domain} --out o"), &["data.domains[0].max_rows", whole]);
    scratch.fails("train data=sample model=mf model.factors=-1", &["`factors`", whole]);
    assert!(!scratch.path("o").exists());
}
