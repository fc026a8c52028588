"""The job of `golden/prepare/duckdb_prepare.py`, which is written to be read, in SQL that is written to be fast: one pass over
each file, numbers in place of texts from there on, nothing sorted but what is asked about and what is written.

usage: duckdb_prepare.py OUT CORE NAME=FILE ... TARGET=FILE
"""

import pathlib
import sys
import tempfile

import duckdb

COLUMNS = "{'user': 'VARCHAR', 'item': 'VARCHAR', 'rating': 'FLOAT', 'timestamp': 'BIGINT'}"


def main(out: pathlib.Path, core: int, domains: list[tuple[str, str]]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    target = len(domains) - 1
    con = duckdb.connect(config={"threads": 2, "temp_directory": tempfile.mkdtemp(), "preserve_insertion_order": False})
    run = lambda sql: con.execute(sql)
    # The latest event of a pair, and of equal times the larger value.
    latest = " UNION ALL ".join(
        f"""SELECT {n}::UTINYINT AS domain, "user", item,
            max({{'t': "timestamp", 'r': least(greatest(rating, 1), 5)}}) AS event
            FROM read_csv('{file}', header = true, columns = {COLUMNS})
            WHERE "user" IS NOT NULL AND item IS NOT NULL AND rating IS NOT NULL AND "timestamp" IS NOT NULL
            GROUP BY ALL"""
        for n, (_, file) in enumerate(domains)
    )
    run(f"CREATE TABLE latest AS {latest}")
    run('CREATE TABLE users AS SELECT "user", (row_number() OVER ())::INTEGER AS u FROM (SELECT DISTINCT "user" FROM latest)')
    run("CREATE TABLE items AS SELECT domain, item, (row_number() OVER ())::INTEGER AS i FROM (SELECT DISTINCT domain, item FROM latest)")
    run("""CREATE TABLE events AS SELECT domain, u, i, event.t AS t, event.r AS r
           FROM latest JOIN users USING ("user") JOIN items USING (domain, item)""")
    run("DROP TABLE latest")

    def keep(condition: str) -> None:
        run(f"CREATE TABLE kept AS SELECT * FROM events WHERE {condition}")
        run("DROP TABLE events")
        run("ALTER TABLE kept RENAME TO events")

    both = f"""u IN (SELECT u FROM events WHERE domain = {target}) AND u IN (SELECT u FROM events WHERE domain <> {target})"""
    size = lambda: run("SELECT count(*) FROM events").fetchone()[0]
    keep(both)
    before = -1
    while (now := size()) != before:
        before = now
        keep(f"""(domain, u) IN (SELECT (domain, u) FROM events GROUP BY domain, u HAVING count(*) >= {core})
                 AND i IN (SELECT i FROM events GROUP BY i HAVING count(*) >= {core})""")
        keep(both)
    run(f"""CREATE TABLE parts AS
        SELECT domain, u, i, t, r, 'train' AS part FROM events WHERE domain <> {target}
        UNION ALL
        SELECT domain, u, i, t, r,
               CASE WHEN likes < 3 OR rank > 2 THEN 'train' WHEN rank = 1 THEN 'test' ELSE 'val' END AS part
        FROM (SELECT *, row_number() OVER latest AS rank, count(*) OVER (PARTITION BY u) AS likes
              FROM (SELECT e.*, item FROM events e JOIN items USING (i) WHERE e.domain = {target})
              WINDOW latest AS (PARTITION BY u ORDER BY t DESC, r DESC, item))""")
    run('CREATE TABLE people AS SELECT u, "user", (row_number() OVER (ORDER BY "user") - 1)::INTEGER AS user_id FROM users WHERE u IN (SELECT u FROM events)')
    run("""CREATE TABLE things AS SELECT i, item, (row_number() OVER (ORDER BY domain, item) - 1)::INTEGER AS item_id
           FROM items WHERE i IN (SELECT i FROM events)""")
    run("CREATE TABLE spans AS SELECT domain, min(r)::DOUBLE AS low, max(r)::DOUBLE AS high FROM parts WHERE part = 'train' GROUP BY domain")
    run("CREATE TABLE times AS SELECT u, min(t) AS first, max(t) AS last FROM events GROUP BY u")
    names = ", ".join(f"({n}, '{name}')" for n, (name, _) in enumerate(domains))
    run(f"CREATE TABLE names AS SELECT * FROM (VALUES {names}) AS v(domain, name)")
    for part in ("train", "val", "test"):
        run(f"""COPY (
            SELECT "user", item, name AS domain, user_id, item_id, r AS rating,
                   (CASE WHEN low = high THEN 1 ELSE least(greatest((r::DOUBLE - low) / (high - low), 0), 1) END)::FLOAT AS rating_norm,
                   1::INTEGER AS signal, t AS "timestamp",
                   (CASE WHEN first = last THEN 1 ELSE (t - first)::DOUBLE / (last - first) END)::FLOAT AS timestamp_norm
            FROM parts JOIN people USING (u) JOIN things USING (i) JOIN spans USING (domain) JOIN times USING (u)
                 JOIN names USING (domain)
            WHERE part = '{part}' ORDER BY user_id, t, item_id
        ) TO '{out}/{part}.parquet' (FORMAT parquet, COMPRESSION snappy)""")
    print(run("SELECT part, count(*) FROM parts GROUP BY part ORDER BY part").fetchall())


if __name__ == "__main__":
    pairs = [tuple(argument.split("=", 1)) for argument in sys.argv[3:]]
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]), pairs)
