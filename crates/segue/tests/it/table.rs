//! `segue table`: measurements in long form, printed as documents have them.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use crate::support::{Scratch, done};

const BENCH: &str = "\
engine,round,seconds,peak_mib,files
ours,1,5.5,280,none
theirs,1,19.3,3223,none
ours,2,5.0,281,none
theirs,2,20.0,3220,one
ours,3,5.2,279,none
theirs,3,18.2,3210,
";

/// Two worlds, two strengths: what links add is 0.01 and 0.02, then 0.1 and 0.2.
const DIAL: &str = "\
world,strength,model,scope,ndcg@10
1,0,ease,joint,0.51
1,0,ease,shuffled,0.50
2,0,ease,joint,0.42
2,0,ease,shuffled,0.40
1,0.5,ease,joint,0.6
1,0.5,ease,shuffled,0.5
2,0.5,ease,joint,0.7
2,0.5,ease,shuffled,0.5
1,0,popularity,target,0.3
";

fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("bench.csv", BENCH);
    scratch.write("dial.csv", DIAL);
    scratch
}

#[track_caller]
fn check(options: &str, expected: &[&str]) {
    let table = scratch().ok(&format!("table {options} --format tsv"));
    assert_eq!(table.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn several_measurements_are_one_number_or_all_of_them() {
    check(
        "bench.csv --rows engine --show seconds:all:1,seconds:median,peak_mib:max,files",
        &[
            "engine\tseconds (all)\tseconds (median)\tpeak_mib (max)\tfiles",
            "ours\t5.5, 5.0, 5.2\t5.2000\t281\tnone, none, none",
            "theirs\t19.3, 20.0, 18.2\t19.3000\t3223\tnone, one",
        ],
    );
    check(
        "bench.csv --rows engine,round --where round=1 --show seconds:mean:1",
        &["engine\tround\tseconds", "ours\t1\t5.5", "theirs\t1\t19.3"],
    );
    check(
        "bench.csv --rows engine --columns round --where round!=3 --show seconds:mean --digits 0",
        &["engine\tround 1\tround 2", "ours\t6\t5", "theirs\t19\t20"],
    );
    check(
        "bench.csv --rows engine --show files:count,seconds:spread:1",
        &["engine\tfiles (count)\tseconds", "ours\t3\t5.0 to 5.5", "theirs\t2\t18.2 to 20.0"],
    );
}

#[test]
fn ratios_are_of_aggregates_or_of_pairs() {
    check(
        "bench.csv --rows engine --show seconds:median:1 --under engine=ours",
        &["engine\tseconds (median)\tseconds (median): ours / it", "ours\t5.2\t1.00", "theirs\t19.3\t0.27"],
    );
    // 3.51, 4.00 and 3.50.
    check(
        "bench.csv --rows engine --show seconds:max:1 --over engine=ours --pairs round",
        &["engine\tseconds (max)\tseconds (max): it / ours", "ours\t5.5\t1.00", "theirs\t20.0\t4.00"],
    );
    check(
        "bench.csv --rows round --columns engine --show seconds:mean:1 --over engine=ours --where round=2",
        &[
            "round\tours: seconds\ttheirs: seconds\tours: seconds: it / ours\ttheirs: seconds: it / ours",
            "2\t5.0\t20.0\t1.00\t4.00",
        ],
    );
}

#[test]
fn differences_are_taken_pair_by_pair() {
    // The mean of two, and 12.706 times half their distance: t with one degree of freedom.
    let links = "--difference scope=joint-shuffled --pairs world";
    check(
        &format!("dial.csv --rows model --columns strength --show ndcg@10:interval {links}"),
        &["model\tstrength 0\tstrength 0.5", "ease\t+0.0150 ± 0.0635\t+0.1500 ± 0.6353"],
    );
    let scratch = scratch();
    // A value may hold a minus itself, and a minus before nothing but zeros says nothing.
    scratch.write("same.csv", "model,scope,x\nmf,a-b,0.30000\nmf,c,0.30001\n");
    let table = scratch.ok("table same.csv --rows model --show x --difference scope=a-b-c --format tsv");
    assert_eq!(table, "model\tx\nmf\t+0.0000\n");
}

#[test]
fn a_run_stands_beside_what_others_published() {
    let scratch = Scratch::new();
    let world = "data=sample data.world.n_users=120 evaluation.bootstrap=0";
    scratch.ok(&format!("train {world} model=popularity scope=target evaluation.metrics=[hr,ndcg] out=run"));
    let text = fs::read_to_string(scratch.path("run/metrics.json")).unwrap();
    let stored: serde_json::Value = serde_json::from_str(&text).unwrap();
    let hr = stored["test"]["hr@10"].as_f64().unwrap();
    scratch
        .write("theirs.csv", "source,data,model,metric,value\nA,theirs,popularity,hr@10,0.25\nA,theirs,mf,hr@10,0.5\n");
    let asked = "theirs.csv run --rows model --columns data,metric --where metric=hr@10 --show value --format csv";
    let table = scratch.ok(&format!("table {asked}"));
    assert_eq!(table, format!("model,\"theirs, hr@10\",\"sample, hr@10\"\npopularity,0.25,{hr}\nmf,0.5,\n"));
    scratch.fails("table run --rows model --show ndcg@10", &["run: there is no column ndcg@10", "metric, value"]);

    scratch.ok(&format!("train {world} model=popularity evaluation.test=never out=sealed"));
    scratch.fails("table sealed --rows model --show value", &["sealed: the test part of this run is sealed"]);
    fs::create_dir(scratch.path("empty")).unwrap();
    scratch.fails("table empty --rows model --show value", &["empty holds no finished run"]);
}

#[test]
fn mistakes_are_told_with_their_place_and_the_way_out() {
    let scratch = scratch();
    let fails = |options: &str, parts: &[&str]| scratch.fails(&format!("table {options}"), parts);
    let bench = "bench.csv --rows engine";
    fails("bench.csv --rows engin --show seconds", &["bench.csv:1: there is no column engin", "did you mean engine?"]);
    fails(&format!("{bench} --show seconds:medain"), &["\"medain\"", "did you mean median?", "interval"]);
    fails(&format!("{bench} --show files:mean"), &["bench.csv:2: files is \"none\"", "no number", ":all shows text"]);
    fails(&format!("{bench} --show seconds --where engine=our"), &["no measurement has engine=our", "ours?"]);
    fails(&format!("{bench} --show seconds --pairs round"), &["--pairs", "leave it out"]);
    fails(&format!("{bench} --show seconds --columns engine"), &["--rows and --columns"]);
    fails(&format!("{bench} --show seconds:mean --over engine=thiers"), &["--over", "did you mean theirs?"]);
    fails(&format!("{bench} --show seconds:mean --over round=1"), &["round must be one of --rows or --columns"]);
    fails(&format!("{bench} --show seconds --over engine=ours"), &["mean, median, min and max", "seconds:median"]);
    fails(&format!("{bench} --show seconds:mean --over engine=ours --pairs files"), &["bench.csv:4", "--pairs"]);
    let dial = "dial.csv --rows model --columns strength --show ndcg@10:mean --difference";
    fails(&format!("{dial} scope=joint-shufled --pairs world"), &["scope=shufled", "did you mean shuffled?"]);
    fails(&format!("{dial} scope=joint --pairs world"), &["scope=A-B", "there are: joint, shuffled, target"]);
    fails(&format!("{dial} scope=joint-joint"), &["the same"]);
    fails(&format!("{dial} scope=joint-shuffled"), &["dial.csv:4: model=ease strength=0", "dial.csv:2", "--pairs"]);
    fails(&format!("{dial} scope=joint-target --pairs world"), &["dial.csv:2", "no scope=target", "--where"]);
    fails(&format!("{dial} strength=0-0.5 --pairs world,scope"), &["takes strength apart"]);
    scratch.write("ragged.csv", "a,b\n1,2\n1,2,3\n");
    fails("ragged.csv --rows a --show b", &["ragged.csv:3: 3 cells under 2 names"]);
    scratch.write("empty.csv", "a,b\n");
    fails("empty.csv --rows a --show b", &["no measurements"]);
    fails("none.csv --rows a --show b", &["cannot read none.csv"]);
    fails(&format!("{bench} --show seconds:share"), &["seconds:share", "0 or 1", "5.5"]);
    scratch.write("odd.csv", "a,b\nx,NaN\n");
    fails("odd.csv --rows a --show b:mean", &["odd.csv:2: b is \"NaN\""]);
}

#[test]
fn what_compare_prints_is_read_from_a_pipe_and_numbers_are_kept_in_full() {
    let scratch = scratch();
    let mut child = scratch.command(["table", "-", "--rows", "engine", "--show", "seconds:mean", "--format", "csv"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(BENCH.as_bytes()).unwrap();
    let done = done(child.wait_with_output().unwrap());
    let third = (5.5_f64 + 5.0 + 5.2) / 3.0;
    assert!(done.stdout.contains(&format!("ours,{third}\n")), "{}{}", done.stdout, done.stderr);
}
