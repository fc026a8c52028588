"""What other domains add, by how much taste the sample world shares: the measurements behind docs/measured/dial.csv.

usage: python bench/dial/run.py > docs/measured/dial.csv        (SEGUE names the program; no packages)

For each of five worlds (seeds 1 to 5) and four strengths of the shared taste, five models learn from the target alone, from
all domains, and from all with the source histories dealt out anew (`segue compare scope=target,joint,shuffled`). Writes one line
for each measurement in the order of worlds, strengths, models and scopes: world, strength, model, scope, ndcg@10 in full. Worlds
are compared two at a time, one thread each; the numbers are the same at any number of threads.
"""

import csv
import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

SEGUE = os.environ.get("SEGUE", "segue")
WORLDS = ["1", "2", "3", "4", "5"]
STRENGTHS = ["0", "0.25", "0.5", "1"]
MODELS = ["item_knn", "mf", "ease", "ials", "lightgcn"]
METRIC = "ndcg@10"


def compared(world: str, strength: str) -> list[dict]:
    overrides = [
        "data=sample", f"data.world.seed={world}", f"data.world.strength={strength}", f"model={','.join(MODELS)}",
        "scope=target,joint,shuffled", "evaluation.k_values=[10]", "trainer.early_stopping.patience=20",
    ]
    done = subprocess.run(
        [SEGUE, "compare", *overrides, "--show", METRIC, "--format", "csv"],
        capture_output=True, text=True, env={**os.environ, "RAYON_NUM_THREADS": "1"},
    )
    if done.returncode:
        sys.exit(done.stderr)
    print(f"world {world}, strength {strength}: done", file=sys.stderr, flush=True)
    # The row of popularity, which compare adds, is the same whatever was learnt from.
    rows = [row for row in csv.DictReader(io.StringIO(done.stdout)) if row["model"] in MODELS]
    return [{"world": world, "strength": strength, **row} for row in rows]


def main() -> None:
    jobs = [(world, strength) for world in WORLDS for strength in STRENGTHS]
    columns = ["world", "strength", "model", "scope", METRIC]
    out = csv.DictWriter(sys.stdout, columns, extrasaction="ignore", lineterminator="\n")
    out.writeheader()
    with ThreadPoolExecutor(2) as pool:
        for rows in pool.map(lambda job: compared(*job), jobs):
            out.writerows(rows)


if __name__ == "__main__":
    main()
