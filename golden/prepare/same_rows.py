"""Compares the events of pairs of folders of prepared data, file by file and row by row, and says what differs.

usage: same_rows.py FOLDER OTHER [FOLDER OTHER ...]
"""

import pathlib
import sys

import duckdb


def files(place: str) -> set[str]:
    """`train.parquet`, `val.parquet`, `test.parquet`, and what other questions have: `val_books.parquet`."""
    return {file.name for part in ("train", "val", "test") for file in pathlib.Path(place).glob(f"{part}*.parquet")}


def same(folder: str, other: str) -> bool:
    print(f"{folder} and {other}")
    wrong = not files(folder) or files(folder) != files(other)
    if files(folder) != files(other):
        print(f"other files: {sorted(files(folder) ^ files(other))} are only in one folder")
    for file in sorted(files(folder) & files(other)):
        one, two = (f"read_parquet('{place}/{file}')" for place in (folder, other))
        columns = [row[0] for row in duckdb.execute(f"DESCRIBE SELECT * FROM {one}").fetchall()]
        chosen = ", ".join(f'"{column}"' for column in columns)
        only = [
            duckdb.execute(f"SELECT {chosen} FROM {a} EXCEPT ALL SELECT {chosen} FROM {b}").fetchall()
            for a, b in ((one, two), (two, one))
        ]
        n = duckdb.execute(f"SELECT count(*) FROM {one}").fetchone()[0]
        print(f"{file}: {n} rows of {len(columns)} columns, {len(only[0])} and {len(only[1])} are only in one folder")
        for place, rows in zip((folder, other), only):
            wrong |= bool(rows)
            for row in rows[:5]:
                print(f"  only in {place}: {row}")
    return not wrong


if __name__ == "__main__":
    pairs = [same(*pair) for pair in zip(sys.argv[1::2], sys.argv[2::2])]
    sys.exit(not pairs or not all(pairs))
