"""How often a comparison cries wolf, and how often it sees what is there.

usage: python bench/placebo/run.py WORLDS [STRENGTH ...]        (SEGUE names the program; no packages)

Each world is small and has its own seed. With strength 0 the domains share nothing, so that a model of all domains and the
same model with shuffled links differ by chance alone: of many worlds, one in twenty may be called different at the 5 % level.
With a strength above 0 there is something to be found, and the share of worlds in which it is found is the power. Prints, for
each model and strength, the share of worlds with p below .05 by each test, and of those the share in which joint is better.
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
TESTS = ["p bootstrap", "p t", "p Wilcoxon", "p randomisation"]


def compared(model: str, strength: str, seed: int) -> dict:
    overrides = [
        "data=sample", f"data.world.n_users={USERS}", f"data.world.strength={strength}", f"data.world.seed={seed}",
        f"model={model}", "scope=shuffled,joint", f"seed={seed}",
    ]
    done = subprocess.run(
        [SEGUE, "compare", *overrides, "--tests", "--baseline", model, "--show", "ndcg@10", "--format", "csv"],
        capture_output=True, text=True, env={**os.environ, "RAYON_NUM_THREADS": "1"},
    )
    if done.returncode:
        sys.exit(done.stderr)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    return next(row for row in rows if row["model"] == model and row["scope"] == "joint")


def main(worlds: int, strengths: list[str]) -> None:
    print(f"{worlds} worlds of {USERS} users each, ndcg@10, joint against shuffled links")
    print("| model | strength | " + " | ".join(test.removeprefix("p ") for test in TESTS) + " | better, of randomisation |")
    print("|---|---|" + "---|" * (len(TESTS) + 1))
    for strength in strengths:
        for model in MODELS:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                rows = list(pool.map(lambda seed: compared(model, strength, seed), range(1, worlds + 1)))
            below = lambda test: [row for row in rows if float(row[test]) < 0.05]
            shares = [f"{100 * len(below(test)) / worlds:.1f} %" for test in TESTS]
            found = below(TESTS[-1])
            difference = next(key for key in rows[0] if key.startswith("ndcg@10 over"))
            better = sum(row[difference].startswith("+") for row in found)
            told = f"{better} of {len(found)}"
            print(f"| {model} | {strength} | " + " | ".join(shares) + f" | {told} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:] or ["0", "0.25", "0.5", "1"])
