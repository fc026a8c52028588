"""Compares two folders of train.parquet, val.parquet and test.parquet row by row, and says what differs.

Where several domains are split, the parts of all of them are compared together.

usage: same_rows.py FOLDER OTHER
"""

import pathlib
import sys

import duckdb


def files(place: str, part: str) -> list[str]:
    """`val.parquet`, and what other questions have: `val_books.parquet`."""
    return [str(file) for file in sorted(pathlib.Path(place).glob(f"{part}*.parquet"))]


def main(folder: str, other: str) -> None:
    wrong = False
    for part in ["train", "val", "test"]:
        one, two = (f"read_parquet({files(place, part)})" for place in (folder, other))
        columns = [row[0] for row in duckdb.execute(f"DESCRIBE SELECT * FROM {one}").fetchall()]
        chosen = ", ".join(f'"{column}"' for column in columns)
        only = [
            duckdb.execute(f"SELECT {chosen} FROM {a} EXCEPT ALL SELECT {chosen} FROM {b}").fetchall()
            for a, b in ((one, two), (two, one))
        ]
        n = duckdb.execute(f"SELECT count(*) FROM {one}").fetchone()[0]
        print(f"{part}: {n} rows of {len(columns)} columns, {len(only[0])} and {len(only[1])} are only in one folder")
        for place, rows in zip((folder, other), only):
            wrong |= bool(rows)
            for row in rows[:5]:
                print(f"  only in {place}: {row}")
    sys.exit(wrong)


if __name__ == "__main__":
    main(*sys.argv[1:])
