"""The preparation of `segue prepare` as SQL, run by DuckDB: the same rows from another engine.

usage: duckdb_prepare.py OUT CORE NAME=FILE ... TARGET=FILE

Each domain is a table of `user,item,rating,timestamp` (CSV, gzip or not); the last is the target. Options are those of

    segue prepare data.target=TARGET prepare=overlap_core5 prepare.core.mode=until_stable prepare.core.strict=false
        prepare.core.users=CORE prepare.core.items=CORE

Every statement is a step of the table at the top of `crates/segue-data/src/prepare/mod.rs`, ties included; only the loop
of the core is not SQL. External ids must compare as bytes (no number without leading zeros among them), for DuckDB has
no order of numbers before texts.
"""

import pathlib
import sys

import duckdb

VALUES = (1.0, 5.0)
MIN_HISTORY = 3


def main(out: pathlib.Path, core: int, domains: list[tuple[str, str]]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect()
    con.execute("SET threads = 2; SET preserve_insertion_order = false")
    target = domains[-1][0]
    # 1 read, 2 clip, 4 deduplicate: latest. The domain's number is its place in the catalogue.
    for number, (name, file) in enumerate(domains):
        con.execute(
            f"""
            CREATE {'TABLE log AS' if number == 0 else 'TABLE read AS'}
            SELECT {number}::TINYINT AS domain, "user", item, value, time
            FROM (
                SELECT "user", item, time,
                       least(greatest(rating, {VALUES[0]}::FLOAT), {VALUES[1]}::FLOAT) AS value,
                       row_number() OVER (PARTITION BY "user", item ORDER BY time DESC, value DESC) AS rank
                FROM (
                    SELECT "user", item, rating, "timestamp" AS time
                    FROM read_csv(?, header = true, columns = {{'user': 'VARCHAR', 'item': 'VARCHAR', 'rating': 'FLOAT', 'timestamp': 'BIGINT'}})
                    WHERE "user" IS NOT NULL AND item IS NOT NULL AND rating IS NOT NULL AND "timestamp" IS NOT NULL
                )
            )
            WHERE rank = 1
            """,
            [file],
        )
        if number > 0:
            con.execute("INSERT INTO log SELECT * FROM read; DROP TABLE read")
    # 6 weight: by the least and largest value of the domain, before any filter.
    con.execute(
        """
        CREATE TABLE spans AS
        SELECT domain, min(value)::DOUBLE AS low, max(value)::DOUBLE AS high FROM log GROUP BY domain
        """
    )
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
    # 11 leave-one-out: time desc, value desc, item id; every event is a like here.
    con.execute(
        f"""
        CREATE OR REPLACE TABLE log AS
        SELECT * EXCLUDE (rank, likes), CASE
            WHEN domain <> {target_number} OR likes < {MIN_HISTORY} OR rank > 2 THEN 'train'
            WHEN rank = 1 THEN 'test' ELSE 'val' END AS part
        FROM (
            SELECT *, row_number() OVER (PARTITION BY domain, "user" ORDER BY time DESC, value DESC, item) AS rank,
                   count(*) OVER (PARTITION BY domain, "user") AS likes
            FROM log
        )
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
               CASE WHEN low = high THEN 1 ELSE (value::DOUBLE - low) / (high - low) END::FLOAT AS rating_norm,
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
    pairs = [tuple(argument.split("=", 1)) for argument in sys.argv[3:]]
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]), pairs)
