"""How the default hyper-parameters were chosen: the measurements behind docs/measured/defaults.csv.

usage: python bench/defaults/run.py > docs/measured/defaults.csv        (SEGUE names the program; no packages)

Prepares six logs, fits every setting of four models on the target of each alone, stopped early by validation, and measures the
model that was kept on the validation part (`segue evaluate --split valid`). Writes one line for each: model, setting, log,
ndcg@10 in full. Two fits go on at a time, one thread each; the numbers are the same at any number of threads. SEGUE_DATA names
the folder of the public data.
"""

import csv
import io
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

SEGUE = os.environ.get("SEGUE", "segue")
LOGS = {
    "films, 0": ["data=sample", "data.world.strength=0"],
    "films, .5": ["data=sample", "data.world.strength=0.5"],
    "books": ["data=douban_book_music", "data.target=book"],
    "music": ["data=douban_book_music", "data.target=music"],
    "phones": ["data=amazon_sport_phone", "data.target=phone"],
    "MovieLens": ["data=ml_latest_small"],
}
# What a setting does not name is the default.
SETTINGS = [
    ("item_knn", "cosine, no shrinkage, no damping", "similarity=cosine shrinkage=0 damping=0"),
    ("item_knn", "cosine", "similarity=cosine"),
    ("item_knn", "tf-idf, no shrinkage, no damping", "shrinkage=0 damping=0"),
    ("item_knn", "tf-idf, no damping", "damping=0"),
    ("item_knn", "BM25", "similarity=bm25"),
    ("item_knn", "default: tf-idf, shrinkage 10, damping 10", ""),
    ("mf", "uniform, no bias, l2 .01, learning rate .002 (before)", "negative_sampling=uniform item_bias=false l2=0.01 learning_rate=0.002"),
    ("mf", "uniform, no bias, l2 .1, learning rate .002", "negative_sampling=uniform item_bias=false l2=0.1 learning_rate=0.002"),
    ("mf", "uniform", "negative_sampling=uniform"),
    ("mf", "no bias", "item_bias=false"),
    ("mf", "no bias, best of 10", "item_bias=false hard_candidates=10"),
    ("mf", "best of 2", "hard_candidates=2"),
    ("mf", "best of 3, l2 .07", "hard_candidates=3 l2=0.07"),
    ("mf", "default: best of 5, bias, l2 .05, learning rate .005", ""),
    ("mf", "l2 .1", "l2=0.1"),
    ("ials", "l2 .003, exponent 1", "l2=0.003 l2_exponent=1"),
    ("ials", "l2 .1", "l2=0.1"),
    ("ials", "default: l2 .25, exponent .5", ""),
    ("ials", "l2 .5", "l2=0.5"),
    ("ials", "l2 1, exponent 0", "l2=1 l2_exponent=0"),
    ("lightgcn", "learning rate .001", "learning_rate=0.001"),
    ("lightgcn", "default: 3 layers, learning rate .005", ""),
    ("lightgcn", "2 layers", "layers=2"),
]
METRIC = "ndcg@10"


def said(*command: str) -> str:
    done = subprocess.run(
        [SEGUE, *command], capture_output=True, text=True, env={**os.environ, "RAYON_NUM_THREADS": "1"}
    )
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def validated(folder: str, model: str, params: str) -> str:
    with tempfile.TemporaryDirectory() as out:
        overrides = [f"model.{param}" for param in params.split()]
        said(
            "train", f"data_dir={folder}", "scope=target", f"model={model}", *overrides, f"out={out}/run",
            "evaluation.k_values=[10]", "evaluation.bootstrap=40", "trainer.early_stopping.patience=15",
        )
        measured = said("evaluate", "--run", f"{out}/run", "--data", folder, "--split", "valid", "--format", "csv")
        return next(row for row in csv.DictReader(io.StringIO(measured)) if row["metric"] == METRIC)["value"]


def main() -> None:
    with tempfile.TemporaryDirectory() as prepared, ThreadPoolExecutor(2) as pool:
        folders = {log: f"{prepared}/{n}" for n, log in enumerate(LOGS)}
        for log, overrides in LOGS.items():
            said("prepare", *overrides, "--out", folders[log])
        jobs = [(model, setting, params, log) for model, setting, params in SETTINGS for log in LOGS]
        values = pool.map(lambda job: validated(folders[job[3]], job[0], job[2]), jobs)
        out = csv.writer(sys.stdout, lineterminator="\n")
        out.writerow(["model", "setting", "log", METRIC])
        for (model, setting, _, log), value in zip(jobs, values):
            out.writerow([model, setting, log, value])
            sys.stdout.flush()


if __name__ == "__main__":
    main()
