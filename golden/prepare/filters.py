"""Steps 7 to 10: which rows, users and items stay."""

import argparse

import duckdb

from hashes import hashed, unit


def keep(con: duckdb.DuckDBPyConnection, args: argparse.Namespace) -> None:
    """Drops the others from `log`; leaves `no_likes`, what went for being none, where only likes stay."""
    target = len(args.domains) - 1

    def pairs_of(columns: str, where: str = "true") -> list[tuple]:
        return con.execute(f"SELECT DISTINCT {columns} FROM log WHERE {where}").fetchall()

    # 7 max rows.
    if args.max_rows:
        pairs = pairs_of('domain, "user", item')
        hashes = [hashed(["max_rows", args.domains[domain][0], user, item]) for domain, user, item in pairs]
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
            QUALIFY row_number() OVER (PARTITION BY domain ORDER BY hash, "user", item, time DESC, value DESC) <= {args.max_rows}
            """
        )
    # 7 positives only; what goes still says how little the least like is.
    if args.only_likes:
        con.execute("CREATE TABLE no_likes AS SELECT * FROM log WHERE signal <> 1; DELETE FROM log WHERE signal <> 1")
    # 8 train size.
    if args.train_size:
        go = [user for (user,) in pairs_of('"user"') if unit(["train_size", user]) >= args.train_size]
        con.execute('DELETE FROM log WHERE "user" IN (SELECT unnest(?::VARCHAR[]))', [go])
    # One domain alone has no overlap to ask for.
    overlap = "SELECT 1" if len(args.domains) == 1 or args.all_users else f"""
        DELETE FROM log WHERE "user" NOT IN (
            SELECT "user" FROM log GROUP BY "user"
            HAVING count(*) FILTER (domain = {target}) > 0 AND count(*) FILTER (domain <> {target}) > 0
        )
    """
    # 9 overlapping users, 10 core: both counted on the same rows, until nothing changes.
    rows = -1
    enough = f"{'>' if args.strict else '>='} {args.core}"
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
