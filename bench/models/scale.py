"""Time and memory of each model on logs of several sizes.

usage: scale.py LOGS OUT.csv ROWS [ROWS ...]      LOGS: where generated logs are, or go (bench/prepare/generate.py)

Each log has two domains whose users and items grow with it; what is left of it after iterated 5-core is the size that counts,
and is written down. One epoch, or iteration, of each model that has them, at d = 64. A fit of more than LIMIT seconds (default
300) is stopped and has no time. Appends a line to OUT.csv for each fit: rows of the log, model, interactions, users, items,
seconds, peak MiB of the program with the log in memory, and why there are no seconds, if so. Two threads, or THREADS.

Environment: SEGUE (the program; default target/release/segue), THREADS, LIMIT. Needs numpy and polars to generate.
"""

import csv
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
SEGUE = os.environ.get("SEGUE", str(HERE.parent.parent / "target/release/segue"))
THREADS = os.environ.get("THREADS", "2")
LIMIT = float(os.environ.get("LIMIT", "300"))
# What asks least: the fit is what is timed.
ASKED = [
    "evaluation.candidates=sampled", "evaluation.negatives=1", "evaluation.metrics=[hr]", "evaluation.k_values=[1]",
    "trainer.early_stopping.metric=hr@1",
]
ONCE = ["model.factors=64", "model.epochs=1"]
MODELS = {
    "popularity": [],
    "item_knn": [],
    "svd": ONCE,
    "ease": ["model.max_memory_gib=12"],
    "ials": [*ONCE, "model.solver=cg"],
    "mf": ONCE,
    "lightgcn, batch 2048": ONCE,
    "lightgcn, batch 131072": [*ONCE, "model.batch_size=131072", "model.hard_candidates=64", "model.storage=bf16"],
}


def prepared(logs, rows, scratch):
    folder = logs / f"{rows}"
    if not (folder / "films.csv.gz").exists():
        subprocess.run([sys.executable, HERE.parent / "prepare/generate.py", str(rows), folder], check=True)
    domains = ", ".join(f"{{name: {name}, path: {folder / name}.csv.gz}}" for name in ("music", "films"))
    options = [
        "data=log", f"data.domains=[{domains}]", "data.target=films", "prepare=overlap_core5", "prepare.core.mode=until_stable",
        "prepare.core.strict=false", "prepare.core.users=5", "prepare.core.items=5", "prepare.positive_threshold=null",
    ]
    out = pathlib.Path(scratch) / "data"
    subprocess.run([SEGUE, "prepare", *options, "--out", out], check=True, capture_output=True)
    return out


def timed(model, options, data):
    """Seconds of the fit, peak MiB of the program, and what it says of the data; or why there are none."""
    command = [SEGUE, "bench", f"data_dir={data}", f"model={model.split(',')[0]}", *options, *ASKED, "--format", "json"]
    environment = os.environ | {"RAYON_NUM_THREADS": THREADS, "SEGUE_PROGRESS": "0"}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen([str(part) for part in command], stdout=out, stderr=err, env=environment)
        timer = threading.Timer(LIMIT, process.kill)
        timer.start()
        _, status, used = os.wait4(process.pid, 0)
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        for file in (out, err):
            file.seek(0)
        said, told = err.read(), out.read()
    size = re.search(r"(\d+) users, (\d+) items of .*?, (\d+) training interactions", said)
    size = [int(size[n]) for n in (3, 1, 2)] if size else ["", "", ""]
    if process.returncode:
        why = f"stopped after {LIMIT:.0f} s" if process.returncode < 0 else said.strip().splitlines()[-1]
        return size, "", "", why
    found = json.loads(told.strip().splitlines()[-1])
    return size, f"{found['fit']:.3f}", f"{used.ru_maxrss / 1024:.0f}", ""


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    logs, out, sizes = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), [int(rows) for rows in sys.argv[3:]]
    fresh = not out.exists()
    with open(out, "a", newline="") as file:
        writer = csv.writer(file)
        if fresh:
            writer.writerow(["rows", "model", "interactions", "users", "items", "seconds", "peak MiB", "why not"])
        for rows in sizes:
            with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as scratch:
                data = prepared(logs, rows, scratch)
                for model, options in MODELS.items():
                    size, seconds, peak, why = timed(model, options, data)
                    writer.writerow([rows, model, *size, seconds, peak, why])
                    file.flush()
                    print(rows, model, *size, seconds or why, peak, flush=True)


main()
