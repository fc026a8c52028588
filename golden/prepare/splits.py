"""Step 11 where every row has its part by itself or by its rank among the rows of its user.

What is drawn of users and items is in `questions.py`.
"""

import argparse
from collections.abc import Callable

import duckdb

from hashes import unit

TRAIN, VALID, TEST = 0.8, 0.1, 0.1
FOLDS = 5
CARVED = 0.1

# Of the rows that are asked about alone: `rank` from 1 is by time desc, value desc, item id; `n` are the user's rows there
# (likes, where likes are left out), `unit` is the hash of `NAMED`; `likes` are those of the user so far in that order.
SPLITS = {
    "leave_one_out": "CASE WHEN rank = 1 THEN 'test' WHEN rank = 2 THEN 'val' ELSE 'train' END",
    "leave_out_likes": """CASE
        WHEN signal = 1 AND likes = 1 THEN 'test' WHEN signal = 1 AND likes = 2 THEN 'val'
        WHEN likes < least(2, n) THEN 'none' ELSE 'train' END""",
    "given": f"CASE WHEN NOT has_valid AND part = 'train' AND unit < {CARVED} AND unit < most THEN 'val' ELSE part END",
    "ratio_by_time": f"""CASE
        WHEN rank <= least(round(n * {TEST}), n - 1) THEN 'test'
        WHEN rank <= least(round(n * {TEST}), n - 1)
                   + least(round(n * {VALID}), n - 1 - least(round(n * {TEST}), n - 1)) THEN 'val'
        ELSE 'train' END""",
    "ratio": f"""CASE
        WHEN unit < {TRAIN} THEN 'train' WHEN unit < {TRAIN + VALID!r}::DOUBLE THEN 'val' ELSE 'test' END""",
    "k_fold": f"CASE floor(unit * {FOLDS}) WHEN 0 THEN 'test' WHEN 1 THEN 'val' ELSE 'train' END",
    "time_cut": "CASE WHEN time >= second THEN 'test' WHEN time >= first THEN 'val' ELSE 'train' END",
}

KINDS = [kind for kind in SPLITS if kind != "leave_out_likes"]

# What a split hashes, after the seed and "split".
NAMED = {"ratio": "ratio", "k_fold": "fold", "given": "carve"}

# The order of a user's rows in a domain.
NEWEST = "time DESC, value DESC, item"


def draw(con: duckdb.DuckDBPyConnection, rows: str, columns: dict[str, str], path: Callable[..., list[str]]) -> None:
    """Makes the table `units`: the different `columns` (name: type) of `rows`, with what the hash of their path is in [0, 1)."""
    names = ", ".join(columns)
    found = con.execute(f"SELECT DISTINCT {names} FROM {rows}").fetchall()
    lists = [[row[n] for row in found] for n in range(len(columns))]
    unnested = ", ".join(f"unnest(?::{kind}[]) AS {name}" for name, kind in columns.items())
    con.execute(
        f"CREATE OR REPLACE TABLE units AS SELECT {unnested}, unnest(?::DOUBLE[]) AS unit",
        [*lists, [unit(["split", *path(*row)]) for row in found]],
    )


def columns_of(args: argparse.Namespace) -> str:
    """The columns of `log` before it has parts."""
    return 'domain, "user", item, value, time' + (", signal" if args.likes else "")


def split(con: duckdb.DuckDBPyConnection, asked: list[int], args: argparse.Namespace) -> None:
    """Gives the rows of `log` their `part`, in the domains `asked`."""
    kind = "leave_out_likes" if args.likes and args.split == "leave_one_out" else args.split
    numbers = ", ".join(map(str, asked))
    # A given split is of users with however few rows.
    least = 0 if kind == "given" else args.min_history
    drawn = "(SELECT *, NULL::DOUBLE AS unit FROM log)"
    if kind in NAMED:
        rows = f"log WHERE domain IN ({numbers})"
        draw(con, rows, {'"user"': "VARCHAR", "item": "VARCHAR"}, lambda user, item: [NAMED[kind], user, item])
        drawn = 'log LEFT JOIN units USING ("user", item)'
    # The moments of a cut are times at ranks, from 0, of the rows that are asked about.
    if args.cut:
        moments = f"SELECT {args.cut[0]} AS first, {args.cut[1]} AS second"
    else:
        rows = con.execute(f"SELECT count(*) FROM log WHERE domain IN ({numbers})").fetchone()[0]
        first, second = (min(int(rows * share + 0.5), rows - 1) for share in (TRAIN, TRAIN + VALID))
        ranked = f"SELECT time FROM log WHERE domain IN ({numbers}) ORDER BY time LIMIT 1 OFFSET"
        moments = f"SELECT ({ranked} {first}) AS first, ({ranked} {second}) AS second"
    counted = "count(*)"
    more = ""
    if kind == "leave_out_likes":
        counted = "count(*) FILTER (signal = 1)"
        more = f"""count(*) FILTER (signal = 1) OVER (
            PARTITION BY domain, "user" ORDER BY {NEWEST} ROWS UNBOUNDED PRECEDING) AS likes,"""
    if kind == "given":
        more = """max(unit) FILTER (part = 'train') OVER (PARTITION BY domain, "user") AS most,
            bool_or(part = 'val') OVER (PARTITION BY domain) AS has_valid,"""
    con.execute(
        f"""
        CREATE OR REPLACE TABLE log AS
        SELECT {columns_of(args)},
               CASE WHEN domain NOT IN ({numbers}) OR n < {least} THEN 'train' ELSE {SPLITS[kind]} END AS part
        FROM (
            SELECT *, {more} row_number() OVER (PARTITION BY domain, "user" ORDER BY {NEWEST}) AS rank,
                   {counted} OVER (PARTITION BY domain, "user") AS n
            FROM {drawn}, ({moments})
        )
        -- What is not asked about must not be later than what is learnt from.
        WHERE NOT ('{kind}' = 'time_cut' AND time >= first AND (domain NOT IN ({numbers}) OR n < {least}))
        """
    )
    if kind == "leave_out_likes":
        con.execute("DELETE FROM log WHERE part = 'none'")
