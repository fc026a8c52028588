"""Steps 1 to 6: the rows of each domain, one or all of a pair, with their signals and logarithms."""

import argparse

import duckdb

VALUES = (1.0, 5.0)

# Step 4: what is kept of a pair, and in which order the first is the one.
KEPT = {
    "latest": "time DESC, value DESC",
    "first": "time, value DESC",
    "max": "value DESC, time DESC",
}


def rows_of_pairs(keep: str) -> str:
    """Step 4: what is kept of each user and item."""
    if keep == "none":
        return 'SELECT "user", item, time, value FROM clipped'
    if keep == "sum":
        return """
        SELECT "user", item, max(time) AS time, sum(value::DOUBLE ORDER BY value DESC)::FLOAT AS value
        FROM clipped GROUP BY "user", item
        """
    return f"""
    SELECT "user", item, time, value FROM clipped
    QUALIFY row_number() OVER (PARTITION BY "user", item ORDER BY {KEPT[keep]}) = 1
    """


def clean(con: duckdb.DuckDBPyConnection, args: argparse.Namespace) -> None:
    """Makes `log` of the files."""
    # 1 read, 2 clip, 4 deduplicate, 6 log. The domain's number is its place in the catalogue.
    clipped = "rating" if args.no_clip else f"least(greatest(rating, {VALUES[0]}::FLOAT), {VALUES[1]}::FLOAT)"
    one = rows_of_pairs(args.keep)
    kept = f"{args.log}(1 + value::DOUBLE)::FLOAT" if args.log else "value"
    only = 'AND "user" IN (FROM only_users)' if args.only_users else ""
    inside = " OR ".join(f"rating > {low} AND rating <= {high}" for low, high in args.interval or [])
    inside = f"AND ({inside})" if inside else ""
    # 5 signal, in the units of the log.
    signal = ""
    if args.likes:
        dislikes, likes = args.likes
        signal = f", CASE WHEN value <= {dislikes} THEN -1 WHEN value >= {likes} THEN 1 ELSE 0 END::INTEGER AS signal"
    columns = "'user': 'VARCHAR', 'item': 'VARCHAR', 'rating': 'FLOAT'" + ("" if args.untimed else ", 'timestamp': 'BIGINT'")
    time, timed = ("NULL::BIGINT", "") if args.untimed else ('"timestamp"', 'AND "timestamp" IS NOT NULL')
    for table, file in [("only_users", args.only_users), ("only_items", args.only_items)]:
        if file:
            con.execute(f"CREATE TABLE {table} AS FROM read_csv(?, header = false, columns = {{'id': 'VARCHAR'}})", [file])
    for number, (name, file) in enumerate(args.domains):
        if args.only_items and number + 1 == len(args.domains):
            only += " AND item IN (FROM only_items)"
        source, files, parts, one_of = f"read_csv(?, header = true, columns = {{{columns}}})", [file], "", one
        if "," in file:
            # 3 given parts: a pair in two of them stays in the later.
            files = file.split(",")
            tables = [(n, part) for n, part in enumerate(["train", "val", "test"]) if files[n]]
            source = " UNION ALL ".join(
                f"SELECT *, {n} AS late, '{part}' AS part FROM read_csv(?, header = true, columns = {{{columns}}})"
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
                SELECT "user", item, {time} AS time, {clipped} AS value{parts}
                FROM {source}
                WHERE "user" IS NOT NULL AND item IS NOT NULL AND rating IS NOT NULL {timed} {only} {inside}
            ){latest}
            SELECT {number}::TINYINT AS domain, "user", item, {kept} AS value, time{signal}{', part' if parts else ''}
            FROM ({one_of})
            """,
            files,
        )
        if number > 0:
            con.execute("INSERT INTO log SELECT * FROM read; DROP TABLE read")
