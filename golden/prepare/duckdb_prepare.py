"""The preparation of `segue prepare` as SQL, run by DuckDB: the same rows from another engine.

usage: duckdb_prepare.py OUT CORE [--keep RULE] [--plays] [--split KIND] NAME=FILE ... TARGET=FILE

Each domain is a table of `user,item,rating,timestamp` (CSV, gzip or not); the last is the target. Options are those of

    segue prepare data.target=TARGET prepare=overlap_core5 prepare.core.mode=until_stable prepare.core.strict=false
        prepare.core.users=CORE prepare.core.items=CORE
        prepare.deduplicate=RULE [prepare.clip=null prepare.log=log2] split=KIND

where RULE is latest, first, max or sum; KIND leave_one_out, time_cut, ratio, ratio_by_time (split=ratio split.order=time),
k_fold, cold_user, cold_item or few_shot.

Every statement is a step of the table at the top of `crates/segue-data/src/prepare/mod.rs`, ties included; only the loop
of the core is not SQL, nor the hash of ids, a function that any engine has to be given. External ids must compare as bytes (no number without leading zeros among them), for DuckDB has
no order of numbers before texts.
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
SEED = 42

# Step 4: what is kept of a pair, and in which order the first is the one.
KEPT = {
    "latest": "time DESC, value DESC",
    "first": "time, value DESC",
    "max": "value DESC, time DESC",
}

# What is drawn at `unit` where shares of users or items are held out.
COLD = f"CASE WHEN unit < {COLD_TEST} THEN 'test' WHEN unit < {COLD_TEST + COLD_VALID!r}::DOUBLE THEN 'val' ELSE 'train' END"

# Step 11, of the target's rows alone: `rank` from 1 is by time desc, value desc, item id; `n` are the user's rows, `unit` is
# the hash of `NAMED`.
SPLITS = {
    "leave_one_out": "CASE WHEN rank = 1 THEN 'test' WHEN rank = 2 THEN 'val' ELSE 'train' END",
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
}
BITS = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(z: int) -> int:
    """The mix of SplitMix64."""
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & BITS
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & BITS
    return z ^ (z >> 31)


def unit(names: list[str]) -> float:
    """The hash of a path of names from the seed on, in [0, 1)."""
    point = mix(SEED + GOLDEN & BITS)
    for name in names:
        for byte in name.encode():
            point = mix(point ^ byte) + GOLDEN & BITS
        point = mix(point)
    return (mix(point) >> 11) / (1 << 53)


def main(out: pathlib.Path, core: int, keep: str, plays: bool, split: str, domains: list[tuple[str, str]]) -> None:
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
    for number, (name, file) in enumerate(domains):
        con.execute(
            f"""
            CREATE {'TABLE log AS' if number == 0 else 'TABLE read AS'}
            WITH clipped AS (
                SELECT "user", item, "timestamp" AS time, {clipped} AS value
                FROM read_csv(?, header = true, columns = {{'user': 'VARCHAR', 'item': 'VARCHAR', 'rating': 'FLOAT', 'timestamp': 'BIGINT'}})
                WHERE "user" IS NOT NULL AND item IS NOT NULL AND rating IS NOT NULL AND "timestamp" IS NOT NULL
            )
            SELECT {number}::TINYINT AS domain, "user", item, {kept} AS value, time FROM ({one})
            """,
            [file],
        )
        if number > 0:
            con.execute("INSERT INTO log SELECT * FROM read; DROP TABLE read")
    target_number = len(domains) - 1
    # One domain alone has no overlap to ask for.
    overlap = "SELECT 1" if len(domains) == 1 else f"""
        DELETE FROM log WHERE "user" NOT IN (
            SELECT "user" FROM log GROUP BY "user"
            HAVING count(*) FILTER (domain = {target_number}) > 0 AND count(*) FILTER (domain <> {target_number}) > 0
        )
    """
    # 9 overlapping users, 10 core: both counted on the same rows, until nothing changes.
    rows = -1
    con.execute(overlap)
    while (now := con.execute("SELECT count(*) FROM log").fetchone()[0]) != rows:
        rows = now
        con.execute(
            f"""
            CREATE OR REPLACE TABLE log AS
            SELECT log.* FROM log
            JOIN (SELECT domain, "user" FROM log GROUP BY ALL HAVING count(*) >= {core}) USING (domain, "user")
            JOIN (SELECT domain, item FROM log GROUP BY ALL HAVING count(*) >= {core}) USING (domain, item)
            """
        )
        con.execute(overlap)
    # 11 split; every event is a like here. The moments of a cut are times at ranks, from 0, of the target's rows.
    cut = f"SELECT time FROM log WHERE domain = {target_number} ORDER BY time LIMIT 1 OFFSET"
    rows = con.execute(f"SELECT count(*) FROM log WHERE domain = {target_number}").fetchone()[0]
    first, second = (min(round(rows * share), rows - 1) for share in (TRAIN, TRAIN + VALID))
    drawn, elsewhere = "(SELECT *, NULL::DOUBLE AS unit FROM log)", "NULL"
    if named := NAMED.get(split):
        pairs = con.execute(f'SELECT DISTINCT "user", item FROM log WHERE domain = {target_number}').fetchall()
        con.execute(
            """
            CREATE TABLE units AS
            SELECT unnest(?::VARCHAR[]) AS "user", unnest(?::VARCHAR[]) AS item, unnest(?::DOUBLE[]) AS unit
            """,
            [*map(list, zip(*pairs)), [unit(["split", *named(target, *pair)]) for pair in pairs]],
        )
        drawn = 'log LEFT JOIN units USING ("user", item)'
    if split == "cold_user":
        elsewhere = f'"user" IN (SELECT "user" FROM log WHERE domain <> {target_number})'
    con.execute(
        f"""
        CREATE OR REPLACE TABLE log AS
        SELECT domain, "user", item, value, time,
               CASE WHEN domain <> {target_number} OR n < {MIN_HISTORY} THEN 'train' ELSE {SPLITS[split]} END AS part
        FROM (
            SELECT *, row_number() OVER (PARTITION BY domain, "user" ORDER BY time DESC, value DESC, item) AS rank,
                   count(*) OVER (PARTITION BY domain, "user") AS n,
                   {elsewhere} AS elsewhere
            FROM {drawn}, (SELECT ({cut} {first}) AS first, ({cut} {second}) AS second)
        )
        -- What is not asked about must not be later than what is learnt from.
        WHERE NOT ('{split}' = 'time_cut' AND time >= first AND (domain <> {target_number} OR n < {MIN_HISTORY}))
          AND NOT ('{split}' = 'cold_item' AND domain = {target_number} AND n < {MIN_HISTORY} AND {COLD} <> 'train')
        """
    )
    # 12 weight: by the least and largest value of the domain's training rows.
    con.execute(
        """
        CREATE TABLE spans AS
        SELECT domain, min(value)::DOUBLE AS low, max(value)::DOUBLE AS high FROM log WHERE part = 'train' GROUP BY domain
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
               CASE WHEN low = high THEN 1 ELSE least(greatest((value::DOUBLE - low) / (high - low), 0), 1) END::FLOAT AS rating_norm,
               1::INTEGER AS signal, time AS "timestamp",
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
    parser.add_argument("domains", nargs="+", type=lambda pair: tuple(pair.split("=", 1)))
    main(**vars(parser.parse_args()))
