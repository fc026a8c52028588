"""The job of `golden/prepare/duckdb_prepare.py`, step by step in Polars; the arguments are the same.

usage: polars_prepare.py OUT CORE NAME=FILE ... TARGET=FILE
"""

import pathlib
import sys

import polars as pl

SCHEMA = {"user": pl.String, "item": pl.String, "rating": pl.Float32, "timestamp": pl.Int64}


def read(number: int, file: str) -> pl.DataFrame:
    """One domain: read, drop incomplete rows, clip, keep the latest event of each pair."""
    rows = pl.scan_csv(file, schema=SCHEMA).drop_nulls()
    rows = rows.with_columns(pl.col("rating").clip(1.0, 5.0), domain=pl.lit(number, pl.UInt8))
    # The latest event, and of equal times the larger value: faster sorted as a whole than within each pair.
    latest = rows.sort("timestamp", "rating").unique(["domain", "user", "item"], keep="last", maintain_order=True)
    return latest.select("domain", "user", "item", "timestamp", "rating").collect(engine="streaming")


def overlap(rows: pl.DataFrame, target: int) -> pl.DataFrame:
    """Users met in the target and in a source."""
    both = pl.concat([rows.lazy().filter(pl.col("domain") == target).select("user").unique(),
                      rows.lazy().filter(pl.col("domain") != target).select("user").unique()])
    kept = both.group_by("user").len().filter(pl.col("len") == 2).select("user")
    return rows.lazy().join(kept, on="user", how="semi").collect(engine="streaming")


def main(out: pathlib.Path, core: int, domains: list[tuple[str, str]]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    target = len(domains) - 1
    rows = pl.concat([read(number, file) for number, (_, file) in enumerate(domains)])
    rows = overlap(rows, target)
    size = -1
    while rows.height != size:
        size = rows.height
        lazy = rows.lazy()
        users = lazy.group_by("domain", "user").len().filter(pl.col("len") >= core)
        items = lazy.group_by("domain", "item").len().filter(pl.col("len") >= core)
        rows = lazy.join(users, on=["domain", "user"], how="semi").join(items, on=["domain", "item"], how="semi").collect(engine="streaming")
        rows = overlap(rows, target)
    asked = rows.filter(pl.col("domain") == target).sort(
        ["user", "timestamp", "rating", "item"], descending=[False, True, True, False]
    )
    asked = asked.with_columns(rank=pl.int_range(pl.len()).over("user"), likes=pl.len().over("user"))
    part = (
        pl.when((pl.col("likes") < 3) | (pl.col("rank") > 1)).then(pl.lit("train"))
        .when(pl.col("rank") == 0).then(pl.lit("test")).otherwise(pl.lit("val"))
    )
    asked = asked.with_columns(part=part).drop("rank", "likes")
    rows = pl.concat([rows.filter(pl.col("domain") != target).with_columns(part=pl.lit("train")), asked])
    spans = rows.filter(pl.col("part") == "train").group_by("domain").agg(
        low=pl.col("rating").min().cast(pl.Float64), high=pl.col("rating").max().cast(pl.Float64)
    )
    users = rows.lazy().select("user").unique().sort("user").with_row_index("user_id").collect()
    items = rows.lazy().select("domain", "item").unique().sort("domain", "item").with_row_index("item_id").collect()
    users.write_parquet(out / "users.parquet")
    items.write_parquet(out / "items.parquet")
    names = pl.DataFrame({"domain": range(len(domains)), "name": [name for name, _ in domains]}, schema_overrides={"domain": pl.UInt8})
    first, last = pl.col("timestamp").min().over("user_id"), pl.col("timestamp").max().over("user_id")
    rows = (
        rows.lazy()
        .join(users.lazy(), on="user").join(items.lazy(), on=["domain", "item"])
        .join(spans.lazy(), on="domain").join(names.lazy(), on="domain")
        .with_columns(
            pl.col("user_id").cast(pl.Int32), pl.col("item_id").cast(pl.Int32),
            rating_norm=pl.when(pl.col("low") == pl.col("high")).then(1.0)
            .otherwise(((pl.col("rating").cast(pl.Float64) - pl.col("low")) / (pl.col("high") - pl.col("low"))).clip(0, 1)).cast(pl.Float32),
            signal=pl.lit(1, pl.Int32),
            timestamp_norm=pl.when(first == last).then(1.0)
            .otherwise((pl.col("timestamp") - first).cast(pl.Float64) / (last - first)).cast(pl.Float32),
        )
        .select("part", "user", "item", pl.col("name").alias("domain"), "user_id", "item_id", "rating", "rating_norm",
                "signal", "timestamp", "timestamp_norm")
        .sort("user_id", "timestamp", "item_id")
        .collect()
    )
    for name in ["train", "val", "test"]:
        rows.filter(pl.col("part") == name).drop("part").write_parquet(out / f"{name}.parquet", compression="snappy")
    print(rows.group_by("part").len().sort("part").rows())


if __name__ == "__main__":
    pairs = [tuple(argument.split("=", 1)) for argument in sys.argv[3:]]
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]), pairs)
