"""Step 12 where items of the first domain and the target are linked."""

import duckdb


def read(con: duckdb.DuckDBPyConnection, file: str, target: int) -> None:
    """Makes `links` of the items that the logs have, whatever becomes of their rows; an item is in one link at most."""
    con.execute(
        f"""
        CREATE TABLE links AS
        SELECT * FROM read_csv(?, header = false, columns = {{'own': 'VARCHAR', 'other': 'VARCHAR'}})
        WHERE own IN (SELECT item FROM log WHERE domain = 0) AND other IN (SELECT item FROM log WHERE domain = {target})
        """,
        [file],
    )


def join(con: duckdb.DuckDBPyConnection, asked: list[int], kept: str, last: str) -> None:
    """Makes linked items the target's in what is learnt from of a domain that is not `asked` about.

    Of a pair the first by `kept` stays. `last` tells of a held-out row whether it was held out as one of the last of its user.
    """
    target = asked[-1]
    if 0 not in asked:
        con.execute('CREATE TABLE IF NOT EXISTS closed (domain TINYINT, "user" VARCHAR)')
        con.execute(
            f"""
            -- What its user is not asked about before may come over, once of each pair, unless the pair is there.
            CREATE TABLE coming AS
            SELECT log.*, other FROM log JOIN links ON domain = 0 AND item = own
            LEFT JOIN (
                SELECT "user", min(time) AS asked FROM log WHERE domain = {target} AND part <> 'train' AND {last} GROUP BY "user"
            ) USING ("user")
            WHERE part = 'train' AND (asked IS NULL OR time <= asked)
              AND "user" NOT IN (SELECT "user" FROM closed WHERE domain = {target});
            DELETE FROM log WHERE domain = 0 AND ("user", item) IN (SELECT "user", item FROM coming);
            INSERT INTO log BY NAME
            SELECT * EXCLUDE (other) REPLACE ({target} AS domain, other AS item) FROM coming
            WHERE ("user", other) NOT IN (SELECT "user", item FROM log WHERE domain = {target})
            QUALIFY row_number() OVER (PARTITION BY "user", other ORDER BY {kept}) = 1
            """
        )
    # A held-out pair is not learnt from by its other name.
    con.execute(
        f"""
        CREATE TABLE asked AS
        SELECT "user", domain, item FROM log WHERE part <> 'train';
        DELETE FROM log WHERE part = 'train' AND (
            domain = 0 AND ("user", item) IN (SELECT "user", own FROM asked JOIN links ON domain = {target} AND item = other)
            OR domain = {target} AND ("user", item) IN (SELECT "user", other FROM asked JOIN links ON domain = 0 AND item = own)
        )
        """
    )
