"""Full ranking beside its matrix products, and beside NumPy (BLAS and argpartition) and ranx on the same factors.

usage: run.py NAME DATA ROUNDS FLOOR_ROUNDS OUT.csv      e.g. run.py ml_1m ../shared/data 5 60 docs/measured/ranking.csv

Prepares the data set NAME below DATA, ranks every user's test items among all items that the user has not met, with random
factors of 64 dimensions, and measures recall, NDCG, MAP and MRR at 5, 10 and 20. All programs use two threads, take turns, and
must find the same values. ranx is handed the first 20 of each user, which NumPy ranked: it has no ranking of its own. Before,
the matrix products alone and the evaluation take turns for FLOOR_ROUNDS in one process.

Appends a line to OUT.csv for each measurement: data, users asked, items, beside what (products or others), round, program,
seconds, and of that process the peak MiB.

Environment: SEGUE and EXAMPLE (the program and its example `ranking`; default target/release/...). Needs numpy and ranx.
"""

import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

THREADS = {"RAYON_NUM_THREADS": "2", "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "NUMBA_NUM_THREADS": "2"}
os.environ |= THREADS

import numpy as np  # noqa: E402  after its number of threads is known

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SEGUE = os.environ.get("SEGUE", str(ROOT / "target/release/segue"))
EXAMPLE = os.environ.get("EXAMPLE", str(ROOT / "target/release/examples/ranking"))
CUTOFFS = [5, 10, 20]


def read(folder):
    table = lambda name: np.fromfile(folder / name, dtype="<f4").reshape(-1, 64)
    pairs = lambda name: np.loadtxt(folder / name, dtype=np.int64, delimiter=",").reshape(-1, 2)
    return table("users.f32"), table("items.f32"), pairs("seen.csv"), pairs("test.csv")


def by_user(pairs, n_users):
    order = np.argsort(pairs[:, 0], kind="stable")
    rows, items = pairs[order, 0], pairs[order, 1]
    starts = np.searchsorted(rows, np.arange(n_users + 1))
    return [np.unique(items[a:b]) for a, b in zip(starts, starts[1:])]


def rank(users, items, asked, seen, k, block=256):
    top = np.empty((len(asked), k), dtype=np.int64)
    for start in range(0, len(asked), block):
        some = asked[start : start + block]
        scores = users[some] @ items.T
        for row, user in enumerate(some):
            scores[row, seen[user]] = -np.inf
        first = np.argpartition(-scores, k, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(scores, first, axis=1), axis=1)
        top[start : start + block] = np.take_along_axis(first, order, axis=1)
    return top


def measure(top, asked, wanted):
    hits = np.stack([np.isin(row, wanted[user]) for row, user in zip(top, asked)]).astype(float)
    n = np.array([len(wanted[user]) for user in asked])
    places = np.arange(1, top.shape[1] + 1)
    discount = 1 / np.log2(places + 1)
    found = {}
    for k in CUTOFFS:
        some, most = hits[:, :k], np.minimum(n, k)
        found[f"recall@{k}"] = (some.sum(1) / n).mean()
        found[f"ndcg@{k}"] = ((some * discount[:k]).sum(1) / discount.cumsum()[most - 1]).mean()
        found[f"map@{k}"] = ((some * some.cumsum(1) / places[:k]).sum(1) / most).mean()
        found[f"mrr@{k}"] = np.where(some.any(1), 1 / (some.argmax(1) + 1), 0).mean()
    return found


def main():
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    name, root, rounds, floor_rounds, out = *sys.argv[1:3], *map(int, sys.argv[3:5]), sys.argv[5]
    folder = pathlib.Path(tempfile.mkdtemp())
    prepared = subprocess.run(
        [SEGUE, "prepare", f"data={name}", f"data.root={root}" if name == "log" else f"seed=1", "--out", folder / "data"],
        env=os.environ | {"SEGUE_DATA": root}, capture_output=True, text=True,
    )
    if prepared.returncode:
        sys.exit(prepared.stderr)
    run = lambda n: json.loads(subprocess.run([EXAMPLE, folder / "data", folder / "out", str(n)], check=True, capture_output=True, text=True).stdout)
    ours = run(floor_rounds)
    users, items, seen, test = read(folder / "out")
    seen, wanted = by_user(seen, len(users)), by_user(test, len(users))
    asked = np.array([user for user, some in enumerate(wanted) if len(some)])

    from ranx import Qrels, Run, evaluate

    lines = []
    for n, (alone, evaluation) in enumerate(ours["times"]):
        lines += [("products", n + 1, "products alone", alone, ""), ("products", n + 1, "segue", evaluation, ours["peak"])]
    names = [f"{metric}@{k}" for metric in ("recall", "ndcg", "map", "mrr") for k in CUTOFFS]
    for n in range(rounds):
        again = run(1)
        lines.append(("others", n + 1, "segue", again["times"][0][1], again["peak"]))
        start = time.perf_counter()
        top = rank(users, items, asked, seen, max(CUTOFFS))
        ranked = time.perf_counter()
        found = measure(top, asked, wanted)
        lines.append(("others", n + 1, "NumPy", time.perf_counter() - start, ""))
        start_ranx = time.perf_counter()
        qrels = Qrels({str(user): {str(item): 1 for item in wanted[user]} for user in asked})
        lists = Run({str(user): {str(item): float(20 - n) for n, item in enumerate(row)} for user, row in zip(asked, top)})
        evaluate(qrels, lists, names)
        # Its first call compiles.
        if n:
            lines.append(("others", n + 1, "NumPy + ranx", time.perf_counter() - start_ranx + ranked - start, ""))
    for metric, value in ours["values"]:
        if abs(value - found[metric]) > 1e-6:
            sys.exit(f"{metric}: {value} here, {found[metric]} by NumPy")
    is_new = not os.path.exists(out)
    with open(out, "a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if is_new:
            writer.writerow(["data", "users", "items", "beside", "round", "program", "seconds", "peak MiB"])
        for beside, n, program, seconds, peak in lines:
            writer.writerow([name, ours["users"], ours["items"], beside, n, program, f"{seconds:.5f}", peak])


main()
