"""The preparation of `segue prepare` as SQL, run by DuckDB: the same rows from another engine.

usage: duckdb_prepare.py OUT CORE [--keep RULE] [--plays] [--split KIND] [more] NAME=FILE ... TARGET=FILE

Each domain is a table of `user,item,rating,timestamp` (CSV, gzip or not); the last is the target. Options are those of

    segue prepare data.target=TARGET prepare=overlap_core5 prepare.core.mode=until_stable prepare.core.strict=false
        prepare.core.users=CORE prepare.core.items=CORE
        prepare.deduplicate=RULE [prepare.clip=null prepare.log=log2] split=KIND

where RULE is latest, first, max or sum; KIND leave_one_out, time_cut, ratio, ratio_by_time (split=ratio split.order=time),
k_fold, cold_user, cold_item, few_shot or given (TARGET=TRAIN,VALID,TEST or TARGET=TRAIN,,TEST). More are

    --all-users          prepare.users=all
    --joint              prepare.core.scope=joint
    --once               prepare.core.mode=once
    --strict             prepare.core.strict=true
    --interval LOW HIGH  prepare.value_interval="(LOW, HIGH]"
    --max-rows N         prepare.max_rows=N
    --train-size SHARE   prepare.train_size=SHARE
    --likes NEG POS      prepare.negative_threshold=NEG prepare.positive_threshold=POS
    --only-likes         prepare.positives_only=true
    --scale standard     prepare.scale=standard (or min_max)
    --all-targets        split.targets=all
    --item-links FILE    data.item_links=[{file: FILE, domains: [FIRST, TARGET]}], each item in one link at most

Every statement is a step of the table at the top of `crates/segue-data/src/prepare/mod.rs`, ties included; only the loop
of the core is not SQL, nor the hash of ids, a function that any engine has to be given. External ids must compare as bytes (no
number without leading zeros among them), for DuckDB has no order of numbers before texts.
"""

import argparse
import pathlib

import duckdb

VALUES = (1.0, 5.0)
MIN_HISTORY = 3
TRAIN, VALID, TEST = 0.8, 0.1, 0.1
FOLDS = 5
COLD_VALID, COLD_TEST = 0.1, 0.2
SUPPORT = 5
CARVED = 0.1
SEED = 42

# Step 4: what is kept of a pair, and in which order the first is the one.
KEPT = {
    "latest": "time DESC, value DESC",
    "first": "time, value DESC",
    "max": "value DESC, time DESC",
}

# What is drawn at `unit` where shares of users or items are held out.
COLD = f"CASE WHEN unit < {COLD_TEST} THEN 'test' WHEN unit < {COLD_TEST + COLD_VALID!r}::DOUBLE THEN 'val' ELSE 'train' END"

# Step 11, of the rows that are asked about alone: `rank` from 1 is by time desc, value desc, item id; `n` are the user's rows, `unit` is
# the hash of `NAMED`; `likes` are those of the user so far in that order.
SPLITS = {
    "leave_one_out": "CASE WHEN rank = 1 THEN 'test' WHEN rank = 2 THEN 'val' ELSE 'train' END",
    "leave_out_likes": """CASE
        WHEN signal = 1 AND likes = 1 THEN 'test' WHEN signal = 1 AND likes = 2 THEN 'val'
        WHEN likes < 2 THEN 'none' ELSE 'train' END""",
    "given": "part",
    "carved": f"CASE WHEN part = 'train' AND unit < {CARVED} AND unit < most THEN 'val' ELSE part END",
    "ratio_by_time": f"""CASE
        WHEN rank <= least(round(n * {TEST}), n - 1) THEN 'test'
        WHEN rank <= least(round(n * {TEST}), n - 1)
                   + least(round(n * {VALID}), n - 1 - least(round(n * {TEST}), n - 1)) THEN 'val'
        ELSE 'train' END""",
    "ratio": f"""CASE
        WHEN unit < {TRAIN} THEN 'train' WHEN unit < {TRAIN + VALID!r}::DOUBLE THEN 'val' ELSE 'test' END""",
    "k_fold": f"CASE floor(unit * {FOLDS}) WHEN 0 THEN 'test' WHEN 1 THEN 'val' ELSE 'train' END",
    "cold_user": f"CASE WHEN elsewhere THEN {COLD} ELSE 'train' END",
    "cold_item": COLD,
    "few_shot": f"CASE WHEN n - rank >= {SUPPORT} THEN {COLD} ELSE 'train' END",
    "time_cut": "CASE WHEN time >= second THEN 'test' WHEN time >= first THEN 'val' ELSE 'train' END",
}

# What a split hashes, after the seed and "split".
NAMED = {
    "ratio": lambda domain, user, item: ["ratio", user, item],
    "k_fold": lambda domain, user, item: ["fold", user, item],
    "cold_user": lambda domain, user, item: ["cold_user", domain, user],
    "cold_item": lambda domain, user, item: ["cold_item", domain, item],
    "few_shot": lambda domain, user, item: ["few_shot", domain, user],
    "carved": lambda domain, user, item: ["carve", user, item],
}
BITS = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(z: int) -> int:
    """The mix of SplitMix64."""
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & BITS
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & BITS
    return z ^ (z >> 31)


def hashed(names: list[str]) -> int:
    """The hash of a path of names from the seed on."""
    point = mix(SEED + GOLDEN & BITS)
    for name in names:
        for byte in name.encode():
            point = mix(point ^ byte) + GOLDEN & BITS
        point = mix(point)
    return mix(point)


def unit(names: list[str]) -> float:
    """The same, in [0, 1)."""
    return (hashed(names) >> 11) / (1 << 53)


def main(args: argparse.Namespace) -> None:
    out, core, keep, plays, domains = args.out, args.core, args.keep, args.plays, args.domains
    split = args.split
    out.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect()
    con.execute("SET threads = 2; SET preserve_insertion_order = false")
    target = domains[-1][0]
    # 1 read, 2 clip, 4 deduplicate, 6 log. The domain's number is its place in the catalogue.
    clipped = "rating" if plays else f"least(greatest(rating, {VALUES[0]}::FLOAT), {VALUES[1]}::FLOAT)"
    one = (
        """
        SELECT "user", item, max(time) AS time, sum(value::DOUBLE ORDER BY value DESC)::FLOAT AS value
        FROM clipped GROUP BY "user", item
        """
        if keep == "sum"
        else f"""
        SELECT "user", item, time, value FROM clipped
        QUALIFY row_number() OVER (PARTITION BY "user", item ORDER BY {KEPT[keep]}) = 1
        """
    )
    kept = "log2(1 + value::DOUBLE)::FLOAT" if plays else "value"
    inside = f"AND rating > {args.interval[0]} AND rating <= {args.interval[1]}" if args.interval else ""
    # 5 signal, in the units of the log.
    signal = signal_of = ""
    if args.likes:
        dislikes, likes = args.likes
        signal = ", signal"
        signal_of = f", CASE WHEN value <= {dislikes} THEN -1 WHEN value >= {likes} THEN 1 ELSE 0 END::INTEGER AS signal"
    for number, (name, file) in enumerate(domains):
        columns = "{'user': 'VARCHAR', 'item': 'VARCHAR', 'rating': 'FLOAT', 'timestamp': 'BIGINT'}"
        source, files, parts, one_of = f"read_csv(?, header = true, columns = {columns})", [file], "", one
        if "," in file:
            # 3 given parts: a pair in two of them stays in the later.
            files = file.split(",")
            tables = [(n, part) for n, part in enumerate(["train", "val", "test"]) if files[n]]
            if len(tables) == 2:
                split = "carved"
            source = " UNION ALL ".join(
                f"SELECT *, {n} AS late, '{part}' AS part FROM read_csv(?, header = true, columns = {columns})"
                for n, part in tables
            )
            source, parts, files = f"({source})", ", late, part", [file for file in files if file]
            one_of = one.replace("time, value FROM clipped", "time, value, part FROM latest")
        elif args.split == "given":
            parts, one_of = ", 0 AS late, 'train' AS part", one.replace("time, value FROM clipped", "time, value, part FROM latest")
        latest = f"""
            , latest AS (SELECT * FROM clipped QUALIFY late = max(late) OVER (PARTITION BY "user", item))
        """ if parts else ""
        con.execute(
            f"""
            CREATE {'TABLE log AS' if number == 0 else 'TABLE read AS'}
            WITH clipped AS (
                SELECT "user", item, "timestamp" AS time, {clipped} AS value{parts}
                FROM {source}
                WHERE "user" IS NOT NULL AND item IS NOT NULL AND rating IS NOT NULL AND "timestamp" IS NOT NULL {inside}
            ){latest}
            SELECT {number}::TINYINT AS domain, "user", item, {kept} AS value, time{signal_of}{', part' if parts else ''}
            FROM ({one_of})
            """,
            files,
        )
        if number > 0:
            con.execute("INSERT INTO log SELECT * FROM read; DROP TABLE read")
    target_number = len(domains) - 1
    asked = range(len(domains)) if args.all_targets else [target_number]
    asked_numbers = ", ".join(map(str, asked))

    def pairs_of(columns: str, where: str = "true") -> list[tuple]:
        return con.execute(f"SELECT DISTINCT {columns} FROM log WHERE {where}").fetchall()

    # 7 max rows.
    if args.max_rows:
        pairs = pairs_of('domain, "user", item')
        hashes = [hashed(["max_rows", domains[domain][0], user, item]) for domain, user, item in pairs]
        con.execute(
            """
            CREATE TABLE hashes AS SELECT unnest(?::TINYINT[]) AS domain, unnest(?::VARCHAR[]) AS "user",
                unnest(?::VARCHAR[]) AS item, unnest(?::UBIGINT[]) AS hash
            """,
            [*map(list, zip(*pairs)), hashes],
        )
        con.execute(
            f"""
            CREATE OR REPLACE TABLE log AS SELECT * EXCLUDE (hash) FROM log JOIN hashes USING (domain, "user", item)
            QUALIFY row_number() OVER (PARTITION BY domain ORDER BY hash, "user", item) <= {args.max_rows}
            """
        )
    # 7 positives only; what goes still says how little the least like is.
    beside = ""
    if args.only_likes:
        con.execute("CREATE TABLE no_likes AS SELECT * FROM log WHERE signal <> 1; DELETE FROM log WHERE signal <> 1")
        beside = "UNION ALL SELECT domain, value FROM no_likes"
    # 8 train size.
    if args.train_size:
        go = [user for (user,) in pairs_of('"user"') if unit(["train_size", user]) >= args.train_size]
        con.execute('DELETE FROM log WHERE "user" IN (SELECT unnest(?::VARCHAR[]))', [go])
    # One domain alone has no overlap to ask for.
    overlap = "SELECT 1" if len(domains) == 1 or args.all_users else f"""
        DELETE FROM log WHERE "user" NOT IN (
            SELECT "user" FROM log GROUP BY "user"
            HAVING count(*) FILTER (domain = {target_number}) > 0 AND count(*) FILTER (domain <> {target_number}) > 0
        )
    """
    # 9 overlapping users, 10 core: both counted on the same rows, until nothing changes.
    rows = -1
    enough = f"{'>' if args.strict else '>='} {core}"
    of_user = '"user"' if args.joint else 'domain, "user"'
    con.execute(overlap)
    while (now := con.execute("SELECT count(*) FROM log").fetchone()[0]) != rows:
        rows = now
        con.execute(
            f"""
            CREATE OR REPLACE TABLE log AS
            SELECT log.* FROM log
            JOIN (SELECT {of_user} FROM log GROUP BY ALL HAVING count(*) {enough}) USING ({of_user})
            JOIN (SELECT domain, item FROM log GROUP BY ALL HAVING count(*) {enough}) USING (domain, item)
            """
        )
        if args.once:
            break
        con.execute(overlap)
    # 11 split. The moments of a cut are times at ranks, from 0, of the rows that are asked about.
    if args.likes and split == "leave_one_out":
        split = "leave_out_likes"
    cut = f"SELECT time FROM log WHERE domain IN ({asked_numbers}) ORDER BY time LIMIT 1 OFFSET"
    rows = con.execute(f"SELECT count(*) FROM log WHERE domain IN ({asked_numbers})").fetchone()[0]
    first, second = (min(round(rows * share), rows - 1) for share in (TRAIN, TRAIN + VALID))
    drawn, elsewhere = "(SELECT *, NULL::DOUBLE AS unit FROM log)", "NULL"
    if named := NAMED.get(split):
        pairs = pairs_of('domain, "user", item', f"domain IN ({asked_numbers})")
        units = [unit(["split", *named(domains[domain][0], user, item)]) for domain, user, item in pairs]
        con.execute(
            """
            CREATE TABLE units AS
            SELECT unnest(?::TINYINT[]) AS domain, unnest(?::VARCHAR[]) AS "user", unnest(?::VARCHAR[]) AS item,
                   unnest(?::DOUBLE[]) AS unit
            """,
            [*map(list, zip(*pairs)), units],
        )
        drawn = 'log LEFT JOIN units USING (domain, "user", item)'
    if split == "cold_user":
        elsewhere = f'"user" IN (SELECT "user" FROM log WHERE domain <> {target_number})'
    counted = "count(*)"
    more = ""
    if split == "leave_out_likes":
        counted = "count(*) FILTER (signal = 1)"
        more = """count(*) FILTER (signal = 1) OVER (
            PARTITION BY domain, "user" ORDER BY time DESC, value DESC, item ROWS UNBOUNDED PRECEDING) AS likes,"""
    if split == "carved":
        more = """max(unit) FILTER (part = 'train') OVER (PARTITION BY domain, "user") AS most,"""
    # A given split is of users with however few rows.
    few = f"n < {0 if args.split == 'given' else MIN_HISTORY}"
    con.execute(
        f"""
        CREATE OR REPLACE TABLE log AS
        SELECT domain, "user", item, value, time{signal},
               CASE WHEN domain NOT IN ({asked_numbers}) OR {few} THEN 'train' ELSE {SPLITS[split]} END AS part
        FROM (
            SELECT *, row_number() OVER (PARTITION BY domain, "user" ORDER BY time DESC, value DESC, item) AS rank,
                   {counted} OVER (PARTITION BY domain, "user") AS n, {more}
                   {elsewhere} AS elsewhere
            FROM {drawn}, (SELECT ({cut} {first}) AS first, ({cut} {second}) AS second)
        )
        -- What is not asked about must not be later than what is learnt from.
        WHERE NOT ('{split}' = 'time_cut' AND time >= first AND (domain NOT IN ({asked_numbers}) OR n < {MIN_HISTORY}))
          AND NOT ('{split}' = 'cold_item' AND domain IN ({asked_numbers}) AND n < {MIN_HISTORY} AND {COLD} <> 'train')
        """
    )
    if split == "leave_out_likes":
        con.execute("DELETE FROM log WHERE part = 'none'")
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
        con.execute(
            f"""
            CREATE TABLE links AS SELECT * FROM read_csv(?, header = false, columns = {{'own': 'VARCHAR', 'other': 'VARCHAR'}})
            WHERE own IN (SELECT item FROM log WHERE domain = 0)
              AND other IN (SELECT item FROM log WHERE domain = {target_number})
            """,
            [args.item_links],
        )
        con.execute(
            f"""
            -- What its user is not asked about before may come over, once of each pair, unless the pair is there.
            CREATE TABLE coming AS
            SELECT log.*, other FROM log JOIN links ON domain = 0 AND item = own
            LEFT JOIN (
                SELECT "user", min(time) AS asked FROM log WHERE domain = {target_number} AND part <> 'train' GROUP BY "user"
            ) USING ("user")
            WHERE part = 'train' AND (asked IS NULL OR time <= asked);
            DELETE FROM log WHERE domain = 0 AND ("user", item) IN (SELECT "user", item FROM coming);
            INSERT INTO log BY NAME
            SELECT * EXCLUDE (other) REPLACE ({target_number} AS domain, other AS item) FROM coming
            WHERE ("user", other) NOT IN (SELECT "user", item FROM log WHERE domain = {target_number})
            QUALIFY row_number() OVER (PARTITION BY "user", other ORDER BY {KEPT[keep]}) = 1;
            -- A held-out pair is not learnt from by its other name.
            DELETE FROM log WHERE domain = 0 AND part = 'train' AND ("user", item) IN (
                SELECT "user", own FROM log JOIN links ON item = other WHERE domain = {target_number} AND part <> 'train'
            );
            """
        )
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
    names = "CASE domain " + " ".join(f"WHEN {n} THEN '{name}'" for n, (name, _) in enumerate(domains)) + " END"
    con.execute(
        f"""
        CREATE TABLE prepared AS
        SELECT part, "user", item, {names} AS domain, user_id, item_id, value AS rating,
               {weight} AS rating_norm, {'signal' if signal else '1::INTEGER AS signal'}, time AS "timestamp",
               CASE WHEN min(time) OVER person = max(time) OVER person THEN 1
                    ELSE (time - min(time) OVER person)::DOUBLE / (max(time) OVER person - min(time) OVER person)
               END::FLOAT AS timestamp_norm
        FROM log JOIN users USING ("user") JOIN items USING (domain, item) JOIN spans USING (domain)
        WINDOW person AS (PARTITION BY user_id)
        """
    )
    for part in ["train", "val", "test"]:
        con.execute(
            f"""
            COPY (SELECT * EXCLUDE (part) FROM prepared WHERE part = '{part}' ORDER BY user_id, "timestamp", item_id)
            TO '{out}/{part}.parquet' (FORMAT parquet)
            """
        )
    print(target, con.execute("SELECT part, count(*) FROM prepared GROUP BY part ORDER BY part").fetchall())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("core", type=int)
    parser.add_argument("--keep", choices=[*KEPT, "sum"], default="latest")
    parser.add_argument("--plays", action="store_true")
    parser.add_argument("--split", choices=SPLITS, default="leave_one_out")
    for flag in ["all-users", "joint", "once", "strict", "only-likes", "all-targets"]:
        parser.add_argument(f"--{flag}", action="store_true")
    parser.add_argument("--interval", type=float, nargs=2)
    parser.add_argument("--max-rows", type=int)
    parser.add_argument("--train-size", type=float)
    parser.add_argument("--likes", type=float, nargs=2)
    parser.add_argument("--scale", choices=["standard", "min_max"])
    parser.add_argument("--item-links")
    parser.add_argument("domains", nargs="+", type=lambda pair: tuple(pair.split("=", 1)))
    main(parser.parse_args())
