"""The preparation of `segue prepare` as SQL, run by DuckDB: the same rows from another engine.

usage: duckdb_prepare.py OUT CORE [--keep RULE] [--split KIND] [more] NAME=FILE ... TARGET=FILE

Each domain is a table of `user,item,rating,timestamp` (CSV, gzip or not); the last is the target. Options are those of

    segue prepare data.target=TARGET prepare=overlap_core5 prepare.core.mode=until_stable prepare.core.strict=false
        prepare.core.users=CORE prepare.core.items=CORE prepare.deduplicate=RULE split=KIND

where RULE is latest, first, max, sum or none; KIND leave_one_out, time_cut, ratio, ratio_by_time (split=ratio
split.order=time), k_fold, cold_user, cold_item, few_shot, questions or given (NAME=TRAIN,VALID,TEST or NAME=TRAIN,,TEST). More are

    --untimed            logs without the column timestamp
    --all-users          prepare.users=all
    --only-users FILE    prepare.only_users=FILE
    --only-items FILE    prepare.only_items=FILE
    --joint              prepare.core.scope=joint
    --once               prepare.core.mode=once
    --strict             prepare.core.strict=true
    --interval LOW HIGH  prepare.value_interval="(LOW, HIGH]"; of several, joined by a semicolon, each
    --no-clip            prepare.clip=null
    --log log2           prepare.log=log2 (or ln)
    --max-rows N         prepare.max_rows=N
    --train-size SHARE   prepare.train_size=SHARE
    --likes NEG POS      prepare.negative_threshold=NEG prepare.positive_threshold=POS
    --only-likes         prepare.positives_only=true
    --scale standard     prepare.scale=standard (or min_max)
    --no-weights         prepare.normalise=false
    --no-user-times      prepare.time_per_user=false
    --history N          prepare.history=N
    --history-domains D  prepare.history_domains=D
    --all-targets        split.targets=all
    --min-history N      split.min_history=N
    --cut FIRST SECOND   split.cut=[FIRST, SECOND]
    --item-links FILE    data.item_links=[{file: FILE, domains: [FIRST, TARGET]}], each item in one link at most

What of `segue prepare` has no twin here: how files are read and users named (columns, `unrated`, `implicit`, `only`, `users`,
`data.user_links`), logs of which some have times, keys of one domain (`values`, `max_rows`, `only_items`), some of the domains as
`split.targets`, links of more than two domains, given negatives, and what is written of items (categories and features).
Other numbers of `split` (`ratios`, `folds`, `cold`, `support`, ...) are constants of `splits.py` and `questions.py`.

Every statement is a step of the table at the top of `crates/segue-data/src/prepare/mod.rs`, ties included; only the loop
of the core is not SQL, nor the hash of ids, a function that any engine has to be given. External ids must compare as bytes (no
number without leading zeros among them), for DuckDB has no order of numbers before texts.
"""

import argparse
import pathlib

import duckdb

import histories
import links
import questions
import splits
from clean import KEPT, clean
from filters import keep


def main(args: argparse.Namespace) -> None:
    out, names = args.out, [name for name, _ in args.domains]
    target = len(names) - 1
    out.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect()
    con.execute("SET threads = 2; SET preserve_insertion_order = false")
    clean(con, args)
    asked = list(range(len(names))) if args.all_targets else [target]
    if args.item_links:
        links.read(con, args.item_links, target)
    keep(con, args)
    # 11 split.
    if args.split in questions.KINDS:
        questions.split(con, asked, args)
    else:
        splits.split(con, asked, args)
    question = "question" if args.split in questions.KINDS else "''"
    # A domain beside the target without a test row of its first question is learnt from alone.
    if args.all_targets:
        tested = con.execute(f"SELECT DISTINCT domain FROM log WHERE part = 'test' AND {question} = ''").fetchall()
        asked = [domain for domain in asked if domain == target or (domain,) in tested]
        con.execute(f"DELETE FROM log WHERE part <> 'train' AND domain NOT IN ({', '.join(map(str, asked))})")
    beside = "UNION ALL SELECT domain, value FROM no_likes" if args.only_likes else ""
    # 12 weight: by the least and largest value of the domain's training rows.
    con.execute(
        f"""
        CREATE TABLE spans AS
        SELECT domain, min(value)::DOUBLE AS low, max(value)::DOUBLE AS high
        FROM (SELECT domain, value FROM log WHERE part = 'train' {beside}) GROUP BY domain
        """
    )
    # Where rows have yet to change, they take the weight of their values and domain along.
    weight = """
        CASE WHEN low = high THEN 1 ELSE least(greatest((value::DOUBLE - low) / (high - low), 0), 1) END::FLOAT
    """
    if args.no_weights:
        weight = "1::FLOAT"
    if args.scale or args.item_links:
        con.execute(
            f"""
            CREATE OR REPLACE TABLE log AS
            SELECT log.*, {weight} AS weight FROM log JOIN spans USING (domain)
            """
        )
        weight = "weight"
    # 12 scale, by the mean and deviation, or the least and largest value, of the domain's training rows.
    if args.scale:
        offset, spread = {
            "standard": ("avg(value::DOUBLE)", "stddev_pop(value::DOUBLE)"),
            "min_max": ("min(value::DOUBLE)", "max(value::DOUBLE) - min(value::DOUBLE)"),
        }[args.scale]
        con.execute(
            f"""
            CREATE OR REPLACE TABLE log AS
            SELECT * EXCLUDE ("offset", spread)
                     REPLACE (((value::DOUBLE - "offset") / CASE WHEN spread > 0 THEN spread ELSE 1 END)::FLOAT AS value)
            FROM log JOIN (
                SELECT domain, {offset} AS "offset", {spread} AS spread FROM log WHERE part = 'train' GROUP BY domain
            ) USING (domain)
            """
        )
    # 12 linked items, of the first domain and the target: each is the target's.
    if args.item_links:
        is_last = args.split in ("leave_one_out", "ratio_by_time", "questions")
        links.join(con, asked, KEPT["max" if args.keep == "sum" else args.keep], f"{question} = ''" if is_last else "false")
    # Dense ids follow sorted external ids; each domain owns a range of item ids.
    con.execute(
        """
        CREATE TABLE users AS SELECT "user", (row_number() OVER (ORDER BY "user") - 1)::INTEGER AS user_id
        FROM (SELECT DISTINCT "user" FROM log)
        """
    )
    con.execute(
        """
        CREATE TABLE items AS SELECT domain, item, (row_number() OVER (ORDER BY domain, item) - 1)::INTEGER AS item_id
        FROM (SELECT DISTINCT domain, item FROM log)
        """
    )
    con.execute(f"COPY (SELECT * FROM users ORDER BY user_id) TO '{out}/users.parquet' (FORMAT parquet)")
    con.execute(f"COPY (SELECT * FROM items ORDER BY item_id) TO '{out}/items.parquet' (FORMAT parquet)")
    name_of = "CASE domain " + " ".join(f"WHEN {n} THEN '{name}'" for n, name in enumerate(names)) + " END"
    time_of_user = """
        CASE WHEN min(time) OVER person = max(time) OVER person THEN 1
             ELSE (time - min(time) OVER person)::DOUBLE / (max(time) OVER person - min(time) OVER person)
        END
    """
    con.execute(
        f"""
        CREATE TABLE prepared AS
        SELECT part, {question} AS question, "user", item, {name_of} AS domain, user_id, item_id, value AS rating,
               {weight} AS rating_norm, {'signal' if args.likes else '1::INTEGER AS signal'}, time AS "timestamp",
               ({'NULL' if args.no_user_times else time_of_user})::FLOAT AS timestamp_norm
        FROM log JOIN users USING ("user") JOIN items USING (domain, item) JOIN spans USING (domain)
        WINDOW person AS (PARTITION BY user_id)
        """
    )
    # A file for each part of each question; those of the target's first have no name.
    asked_of = con.execute("SELECT DISTINCT domain, question FROM prepared WHERE part = 'test'").fetchall()
    files = {"train": "part = 'train'"}
    for domain, kind in asked_of:
        suffix = "" if (domain, kind) == (names[target], "") else f"_{domain}{kind}"
        for part in ["val", "test"]:
            files[part + suffix] = f"part = '{part}' AND domain = '{domain}' AND question = '{kind}'"
    for file, where in files.items():
        con.execute(
            f"""
            COPY (
                SELECT * EXCLUDE (part, question) FROM prepared WHERE {where} ORDER BY user_id, "timestamp", item_id
            ) TO '{out}/{file}.parquet' (FORMAT parquet)
            """
        )
    if args.history:
        histories.prepare(con, args.history, args.history_domains)
        for file, where in files.items():
            con.execute(
                f"""
                COPY (SELECT user_id, item_id, "timestamp", history FROM histories WHERE {where})
                TO '{out}/{file}_hist.parquet' (FORMAT parquet)
                """
            )
    print(names[target], con.execute("SELECT part, count(*) FROM prepared GROUP BY part ORDER BY part").fetchall())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("core", type=int)
    parser.add_argument("--keep", choices=[*KEPT, "sum", "none"], default="latest")
    parser.add_argument("--log", choices=["log2", "ln"])
    parser.add_argument("--split", choices=[*splits.KINDS, *questions.KINDS], default="leave_one_out")
    for flag in ["all-users", "joint", "once", "strict", "only-likes", "no-clip", "no-weights", "no-user-times", "all-targets", "untimed"]:
        parser.add_argument(f"--{flag}", action="store_true")
    parser.add_argument("--min-history", type=int, default=3)
    parser.add_argument("--cut", type=int, nargs=2)
    parser.add_argument("--interval", type=float, nargs=2, action="append")
    parser.add_argument("--max-rows", type=int)
    parser.add_argument("--train-size", type=float)
    parser.add_argument("--likes", type=float, nargs=2)
    parser.add_argument("--scale", choices=["standard", "min_max"])
    parser.add_argument("--only-users")
    parser.add_argument("--only-items")
    parser.add_argument("--item-links")
    parser.add_argument("--history", type=int)
    parser.add_argument("--history-domains", choices=["target", "all"], default="target")
    parser.add_argument("domains", nargs="+", type=lambda pair: tuple(pair.split("=", 1)))
    main(parser.parse_args())
