"""What each user met before each event, as `prepare.history` writes it beside the events."""

import duckdb


def prepare(con: duckdb.DuckDBPyConnection, length: int, domains: str) -> None:
    """Makes `histories` of the rows of `prepared` in domains with a test row; `domains`: whose items are in them, `target` or `all`.

    Events of one second follow the order of the tables: training, then validation, by item id.
    """
    same, of = ("known.domain = event.domain", ", domain") if domains == "target" else ("true", "")
    con.execute(
        f"""
        CREATE TABLE histories AS
        SELECT part, domain, question, user_id, item_id, "timestamp", coalesce(history, []) AS history
        FROM (
            SELECT *, list(item_id) OVER (
                PARTITION BY user_id{of} ORDER BY "timestamp", item_id ROWS BETWEEN {length} PRECEDING AND 1 PRECEDING
            ) AS history
            FROM prepared WHERE part = 'train'
        )
        WHERE domain IN (SELECT domain FROM prepared WHERE part = 'test')
        UNION ALL
        SELECT event.part, event.domain, event.question, event.user_id, event.item_id, event."timestamp",
               coalesce(list(known.item_id ORDER BY known."timestamp", known.part, known.question, known.item_id)
                        FILTER (known.item_id IS NOT NULL), [])[-{length}:]
        FROM prepared AS event LEFT JOIN prepared AS known
            ON known.user_id = event.user_id AND known."timestamp" <= event."timestamp" AND {same}
            AND (known.part = 'train' OR known.part = 'val' AND event.part = 'test' AND known.domain = event.domain)
        WHERE event.part <> 'train'
        GROUP BY ALL
        """
    )
