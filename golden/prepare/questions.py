"""Step 11 where items are cold, users cold or few-shot, or all of these are questions of one log."""

import argparse
from collections.abc import Callable

import duckdb

from splits import NEWEST, SPLITS, columns_of, draw

KINDS = ["cold_item", "cold_user", "few_shot", "questions"]

# Shares of validation and test.
COLD, COLD_OF_MANY = (0.1, 0.2), (0.05, 0.05)
SUPPORT = 5
SUPPORTS, SUPPORT_SHARES = [1, 3, 5, 10], (0.025, 0.025)


def part_of(shares: tuple[float, float]) -> str:
    """What is drawn at `unit` becomes."""
    valid, test = shares
    return f"CASE WHEN unit < {test} THEN 'test' WHEN unit < {test + valid!r}::DOUBLE THEN 'val' ELSE 'train' END"


def split(con: duckdb.DuckDBPyConnection, asked: list[int], args: argparse.Namespace) -> None:
    """Gives the rows of `log` their `part` and, as what follows the name of their domain, their `question`.

    Leaves `closed`: the users who are asked with what they have in a domain, by its number, and no other history there.
    """
    kind, least = args.split, args.min_history
    names, target = [name for name, _ in args.domains], len(args.domains) - 1
    numbers = ", ".join(map(str, asked))
    shares = COLD_OF_MANY if kind == "questions" else COLD

    # Items are cold first: whatever follows counts rows on the others.
    con.execute("CREATE TABLE cold (domain TINYINT, item VARCHAR, part VARCHAR)")
    if kind in ("cold_item", "questions"):
        columns = {"domain": "TINYINT", "item": "VARCHAR"}
        linked = f"UNION SELECT {target}, other FROM links" if args.item_links else ""
        items = f"(SELECT domain, item FROM log WHERE domain IN ({numbers}) {linked})"
        draw(con, items, columns, lambda domain, item: ["cold_item", names[domain], item])
        con.execute(f"INSERT INTO cold SELECT domain, item, {part_of(shares)} AS part FROM units WHERE part <> 'train'")
    # Linked items are as cold as the target's.
    if args.item_links:
        con.execute(
            f"""
            DELETE FROM cold WHERE domain = 0 AND item IN (SELECT own FROM links);
            INSERT INTO cold SELECT 0, own, part FROM cold JOIN links ON domain = {target} AND item = other
            """
        )
    rows, newest = "log", NEWEST
    if kind == "few_shot" and args.untimed:
        columns = {"domain": "TINYINT", '"user"': "VARCHAR", "item": "VARCHAR"}
        draw(con, "log", columns, lambda domain, user, item: ["support", names[domain], user, item])
        con.execute('CREATE TABLE hashed AS FROM log JOIN units USING (domain, "user", item)')
        rows, newest = "hashed", "unit DESC"
    # Whom no other question draws is asked by leaving one out, or not at all.
    left_out = f"CASE WHEN domain IN ({numbers}) AND n >= {least} THEN {SPLITS['leave_out_likes']} ELSE 'train' END"
    con.execute(
        f"""
        CREATE TABLE warm AS
        SELECT * EXCLUDE (n, likes), {left_out if kind == 'questions' else "'train'"} AS left_out
        FROM (
            SELECT *, row_number() OVER newest AS rank, count(*) OVER person AS n_rows,
                   count(*) FILTER (signal = 1) OVER person AS n,
                   count(*) FILTER (signal = 1) OVER (newest ROWS UNBOUNDED PRECEDING) AS likes
            FROM {rows if args.likes else f'(SELECT *, 1 AS signal FROM {rows})'} ANTI JOIN cold USING (domain, item)
            WINDOW person AS (PARTITION BY domain, "user"), newest AS (PARTITION BY domain, "user" ORDER BY {newest})
        )
        """
    )
    con.execute(
        """
        CREATE TABLE met AS
        SELECT domain, "user", count(*) AS n, bool_or(left_out = 'train') AS stays FROM warm GROUP BY domain, "user"
        """
    )

    # Of a closed user the first `support` rows are learnt from.
    con.execute('CREATE TABLE closed (domain TINYINT, "user" VARCHAR, part VARCHAR, support INTEGER, question VARCHAR)')

    def close(
        question: str, support: int, shares: tuple[float, float], among: str, path: Callable[..., list[str]]
    ) -> None:
        columns = {"domain": "TINYINT", '"user"': "VARCHAR"}
        free = f'domain IN ({numbers}) AND n >= {least} AND (domain, "user") NOT IN (SELECT domain, "user" FROM closed)'
        draw(con, f"met WHERE {free} AND {among}", columns, path)
        # Who is cold in one domain is in no other, and domains draw in the order of the targets.
        once = f'QUALIFY row_number() OVER (PARTITION BY "user" ORDER BY domain <> {target}, domain) = 1'
        con.execute(
            f"""
            INSERT INTO closed
            SELECT domain, "user", {part_of(shares)} AS part, {support}, '{question}' FROM units WHERE part <> 'train'
            {once if support == 0 else ''}
            """
        )

    if kind in ("cold_user", "questions"):
        known = """EXISTS (
            FROM met AS other WHERE other."user" = met."user" AND other.domain <> met.domain AND other.stays)"""
        close("_cold_user", 0, shares, known, lambda domain, user: ["cold_user", names[domain], user])
    if kind == "few_shot":
        close("", SUPPORT, shares, f"n > {SUPPORT}", lambda domain, user: ["few_shot", names[domain], user])
    for k in SUPPORTS if kind == "questions" else []:
        close(
            f"_few_shot_{k}", k, SUPPORT_SHARES, f"n > {k}",
            lambda domain, user, k=k: ["few_shot", str(k), names[domain], user],
        )

    columns = columns_of(args)
    con.execute(
        f"""
        CREATE OR REPLACE TABLE log AS
        SELECT {columns}, CASE WHEN part IS NULL THEN left_out WHEN n_rows - rank >= support THEN part ELSE 'train' END AS part,
               coalesce(question, '') AS question
        FROM warm LEFT JOIN closed USING (domain, "user")
        UNION ALL
        -- Rows on cold items are asked about, or in no part.
        SELECT {columns}, part, '_cold_item' AS question
        FROM (SELECT *, count(*) OVER (PARTITION BY domain, "user") AS n_rows FROM log) JOIN cold USING (domain, item)
        WHERE domain IN ({numbers}) AND n_rows >= {least} AND (domain, "user") NOT IN (SELECT domain, "user" FROM closed);
        DELETE FROM log WHERE part = 'none'
        """
    )
    # Of one question alone it is the first; of several those without a test row are none.
    con.execute(
        "DELETE FROM log WHERE part = 'val' AND (domain, question) NOT IN (SELECT domain, question FROM log WHERE part = 'test')"
        if kind == "questions" else "UPDATE log SET question = ''"
    )
