"""How often a comparison cries wolf, and how often it sees what is there: the measurements behind docs/measured/placebo.csv.

usage: python bench/placebo/run.py WORLDS [STRENGTH ...] > OUT.csv      (SEGUE names the program; no packages)

docs/measured/placebo.csv is of 400 worlds.

Each world is small and has its own seed. With strength 0 the domains share nothing, so that a model of all domains and the
same model with shuffled links differ by chance alone: of many worlds, one in twenty may be called different at the 5 % level.
With a strength above 0 there is something to be found, and the share of worlds in which it is found is the power. 400 worlds
of four strengths take 12 CPU minutes and more.

Writes one line for each comparison in the order of strengths, models and worlds: strength, model, world, what joint adds, and
for each test its p and whether that is below .05 (1 or 0); last, where randomisation finds a difference, whether joint is
better. Two comparisons go on at a time, one thread each; the numbers are the same at any number of threads.
"""

import csv
import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

SEGUE = os.environ.get("SEGUE", "segue")
MODELS = ["ease", "item_knn"]
USERS = 300
TESTS = ["bootstrap", "t", "Wilcoxon", "randomisation"]
METRIC = "ndcg@10"


def compared(strength: str, model: str, seed: int) -> list:
    overrides = [
        "data=sample", f"data.world.n_users={USERS}", f"data.world.strength={strength}", f"data.world.seed={seed}",
        f"model={model}", "scope=shuffled,joint", f"seed={seed}",
    ]
    done = subprocess.run(
        [SEGUE, "compare", *overrides, "--tests", "--baseline", model, "--show", METRIC, "--format", "tsv"],
        capture_output=True, text=True, env={**os.environ, "RAYON_NUM_THREADS": "1"},
    )
    if done.returncode:
        sys.exit(done.stderr)
    rows = list(csv.DictReader(io.StringIO(done.stdout), delimiter="\t"))
    joint = next(row for row in rows if row["model"] == model and row["scope"] == "joint")
    # The mean without its interval.
    adds = next(value for name, value in joint.items() if name.startswith(f"{METRIC} over")).split()[0]
    p = [joint[f"p {test}"] for test in TESTS]
    # A bound, as `<0.0010`, counts as what it bounds.
    found = [int(float(value.lstrip("<")) < 0.05) for value in p]
    better = int(float(adds) > 0) if found[TESTS.index("randomisation")] else ""
    return [strength, model, seed, adds, *p, *found, better]


def main(worlds: int, strengths: list[str]) -> None:
    jobs = [(strength, model, seed) for strength in strengths for model in MODELS for seed in range(1, worlds + 1)]
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["strength", "model", "world", f"{METRIC} added", *(f"p {test}" for test in TESTS), *TESTS, "joint better"])
    with ThreadPoolExecutor(2) as pool:
        for row in pool.map(lambda job: compared(*job), jobs):
            out.writerow(row)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:] or ["0", "0.25", "0.5", "1"])
