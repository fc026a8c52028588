"""Two domains of a generated log as .csv.gz, for the comparison of preparation.

usage: generate.py ROWS DIR          writes DIR/music.csv.gz and DIR/films.csv.gz with ROWS rows in all

Users and items follow Zipf-like popularity; three users of five may be met in both domains; about one row in thirty repeats
a pair; ids look like those of the Amazon reviews (14 and 10 characters); ratings are 1 to 5 stars, times span ten years.
The same ROWS gives the same bytes.
"""

import gzip
import pathlib
import sys

import numpy as np
import polars as pl

LETTERS = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", dtype=np.uint8)


def names(first: str, n: int, length: int) -> pl.Series:
    """n distinct names in no order: a bijection of the number, written in base 36."""
    number = (np.arange(n, dtype=np.uint64) * np.uint64(2_654_435_761)) % np.uint64(36**7)
    text = np.empty((n, length), dtype=np.uint8)
    text[:, 0] = ord(first)
    for column in range(length - 1, 0, -1):
        text[:, column] = LETTERS[(number % np.uint64(36)).astype(np.int64)]
        number = number // np.uint64(36)
    return pl.Series(text.view(f"S{length}").ravel().astype(str))


def skewed(rng: np.random.Generator, n: int, rows: int, power: float) -> np.ndarray:
    """Ids with Zipf-like frequencies by inversion."""
    return np.minimum((n * rng.random(rows) ** power).astype(np.int64), n - 1)


def main(rows: int, out: pathlib.Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(42)
    n_users, n_items = max(rows * 45 // 1000, 10), max(rows * 15 // 1000, 10)
    users = names("A", n_users, 14)
    # The first four fifths of the users are met in music, the last four in films.
    for domain, (low, share) in {"music": (0, 0.5), "films": (n_users // 5, 0.5)}.items():
        n = int(rows * share)
        repeated = n // 30
        u = low + skewed(rng, n_users * 4 // 5, n - repeated, 1.3)
        i = skewed(rng, n_items, n - repeated, 2.2)
        again = rng.integers(0, n - repeated, repeated)
        u, i = np.concatenate([u, u[again]]), np.concatenate([i, i[again]])
        order = rng.permutation(n)
        items = names("B" if domain == "music" else "F", n_items, 10)
        frame = pl.DataFrame(
            {
                "user": users.gather(u[order]),
                "item": items.gather(i[order]),
                "rating": rng.choice(np.array([1.0, 2.0, 3.0, 4.0, 5.0], dtype=np.float32), n, p=[0.08, 0.06, 0.1, 0.2, 0.56]),
                "timestamp": rng.integers(1_200_000_000, 1_520_000_000, n),
            }
        )
        with gzip.open(out / f"{domain}.csv.gz", "wb", compresslevel=6) as file:
            for start in range(0, n, 1_000_000):
                frame.slice(start, 1_000_000).write_csv(file, include_header=start == 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), pathlib.Path(sys.argv[2]))
