"""Preparation beside Polars and DuckDB: the same job on the same files, in turn, and the same rows from all three.

usage: run.py compare ROWS ROUNDS OUT.csv            the three, in turn
       run.py scale ROUNDS ROWS [ROWS ...] OUT.csv   segue alone at several sizes, in turn
       run.py cap ROWS MIB OUT.csv                   segue with no more than so many MiB of address space
       run.py instructions ROWS [ROWS ...] OUT.csv   what segue executes for a row, counted by valgrind (some 40 times slower)

Appends a line to OUT.csv for each run: what it was part of, rows, engine, limit of its memory, round, seconds, CPU
seconds and their microseconds a row, peak MiB, MiB of rows through files. docs/measured/prepare.csv came about by

    run.py compare 10000000 3 docs/measured/prepare.csv
    run.py scale 3 1000000 3000000 10000000 30000000 docs/measured/prepare.csv
    run.py cap 30000000 1024 docs/measured/prepare.csv

and docs/measured/prepare_instructions.csv, a line for each size: rows, instructions a row, MiB of rows through files, by

    run.py instructions 1000000 3000000 10000000 30000000 docs/measured/prepare_instructions.csv

Environment: SEGUE (the program; default target/release/segue), DATA (where generated logs are; default a folder for
temporary files). Needs the packages of requirements.txt. Everything uses two threads.
"""

import csv
import importlib.metadata
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SEGUE = os.environ.get("SEGUE", str(ROOT / "target/release/segue"))
DATA = pathlib.Path(os.environ.get("DATA", tempfile.gettempdir())) / "segue-bench-prepare"
CORE = 5
COLUMNS = [
    "part", "rows", "engine", "limit of memory", "round", "seconds", "CPU seconds", "CPU µs a row", "peak MiB",
    "MiB through files",
]


def logs(rows: int) -> pathlib.Path:
    folder = DATA / f"{rows}"
    if not (folder / "films.csv.gz").exists():
        subprocess.run([sys.executable, HERE / "generate.py", str(rows), folder], check=True)
    return folder


def commands(rows: int) -> dict[str, tuple[list[str], pathlib.Path]]:
    """Each engine's command, and the folder of its Parquet files."""
    folder, out = logs(rows), DATA / f"out-{rows}"
    files = {name: folder / f"{name}.csv.gz" for name in ("music", "films")}
    pairs = [f"{name}={file}" for name, file in files.items()]
    domains = ", ".join(f"{{name: {name}, path: {file}}}" for name, file in files.items())
    segue = [SEGUE, "prepare", "data=log", f"data.domains=[{domains}]", "data.target=films", "prepare=overlap_core5"]
    segue += ["prepare.core.mode=until_stable", "prepare.core.strict=false"]
    segue += [f"prepare.core.users={CORE}", f"prepare.core.items={CORE}", "--out", str(out / "segue")]
    return {
        "segue": (segue, out / "segue/data"),
        "polars": ([sys.executable, HERE / "polars_prepare.py", out / "polars", str(CORE), *pairs], out / "polars"),
        "duckdb": (
            [sys.executable, HERE / "duckdb_prepare.py", out / "duckdb", str(CORE), *pairs],
            out / "duckdb",
        ),
    }


def run(command: list, mib: int | None = None) -> tuple[float, float, float, str]:
    """Seconds, CPU seconds, peak MiB, and what the program said to stderr."""
    environment = os.environ | {"POLARS_MAX_THREADS": "2", "RAYON_NUM_THREADS": "2"}

    def limit() -> None:
        if mib is not None:
            resource.setrlimit(resource.RLIMIT_AS, (mib << 20, mib << 20))

    with tempfile.TemporaryFile() as said:
        start = time.monotonic()
        child = subprocess.Popen(
            [str(c) for c in command], stdout=subprocess.DEVNULL, stderr=said, env=environment, preexec_fn=limit
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - start
        said.seek(0)
        text = said.read().decode()
    if status != 0:
        sys.exit(f"{command[0]} failed:\n{text}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text


def through_files(said: str) -> str | int:
    found = re.search(r"(\d+) MiB of rows went through files", said)
    return found[1] if found else 0


def append(out: str, columns: list[str], line: list) -> None:
    is_new = not os.path.exists(out)
    with open(out, "a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if is_new:
            writer.writerow(columns)
        writer.writerow(line)
    print(*line, sep=", ", file=sys.stderr, flush=True)


def record(out: str, part: str, rows: int, engine: str, limit: str, n: int, measured: tuple[float, float, float, str]) -> None:
    seconds, cpu, peak, said = measured
    through = through_files(said) if engine == "segue" else ""
    per_row = f"{cpu / rows * 1e6:.3f}"
    append(out, COLUMNS, [part, rows, engine, limit, n, f"{seconds:.2f}", f"{cpu:.2f}", per_row, f"{peak:.0f}", through])


def compare(rows: int, rounds: int, out: str) -> None:
    jobs = commands(rows)
    version = importlib.metadata.version
    names = {"segue": "segue", "polars": f"Polars {version('polars')}", "duckdb": f"DuckDB {version('duckdb')}"}
    for n in range(rounds):
        for engine, (command, _) in jobs.items():
            record(out, "compare", rows, names[engine], "none", n + 1, run(command))
    for engine in ("polars", "duckdb"):
        same = [sys.executable, ROOT / "golden/prepare/same_rows.py", jobs["segue"][1], jobs[engine][1]]
        subprocess.run(same, check=True)


def scale(rounds: int, sizes: list[int], out: str) -> None:
    for n in range(rounds):
        for rows in sizes:
            record(out, "scale", rows, "segue", "none", n + 1, run(commands(rows)["segue"][0]))


def cap(rows: int, mib: int, out: str) -> None:
    record(out, "scale", rows, "segue", f"{mib} MiB", 1, run(commands(rows)["segue"][0], mib))


def instructions(sizes: list[int], out: str) -> None:
    for rows in sizes:
        with tempfile.TemporaryDirectory() as folder:
            counter = ["valgrind", "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={folder}/counts"]
            said = run(counter + commands(rows)["segue"][0])[3]
        executed = int(re.search(r"I +refs: +([\d,]+)", said)[1].replace(",", ""))
        append(out, ["rows", "instructions a row", "MiB through files"], [rows, f"{executed / rows:.0f}", through_files(said)])


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["compare", rows, rounds, out]:
            compare(int(rows), int(rounds), out)
        case ["scale", rounds, *sizes, out] if sizes:
            scale(int(rounds), [int(size) for size in sizes], out)
        case ["instructions", *sizes, out] if sizes:
            instructions([int(size) for size in sizes], out)
        case ["cap", rows, mib, out]:
            cap(int(rows), int(mib), out)
        case _:
            sys.exit(__doc__)
