"""Preparation beside Polars and DuckDB: the same job on the same files, in turn, and the same rows from all three.

usage: run.py compare ROWS ROUNDS      time and peak memory of the three, in turn, and the ratios
       run.py scale ROWS [ROWS ...]    time and peak memory of segue alone for several sizes
       run.py cap ROWS MIB             segue with no more than so many MiB of address space

Environment: SEGUE (the program; default target/release/segue), DATA (where generated logs are; default a folder for
temporary files). Needs the packages of requirements.txt. Everything uses two threads.
"""

import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SEGUE = os.environ.get("SEGUE", str(ROOT / "target/release/segue"))
DATA = pathlib.Path(os.environ.get("DATA", tempfile.gettempdir())) / "segue-bench-prepare"
CORE = 5


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
            [sys.executable, ROOT / "golden/prepare/duckdb_prepare.py", out / "duckdb", str(CORE), *pairs],
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


def compare(rows: int, rounds: int) -> None:
    jobs = commands(rows)
    measured: dict[str, list] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, (command, _) in jobs.items():
            measured[name].append(run(command)[:3])
    for name in ("polars", "duckdb"):
        subprocess.run([sys.executable, ROOT / "golden/prepare/same_rows.py", jobs["segue"][1], jobs[name][1]], check=True)
    print(f"| {rows} rows | seconds, each round | CPU seconds | peak MiB | segue / it: time | CPU | memory |")
    print("|---|---|---|---|---|---|---|")
    median = lambda name, column: statistics.median(row[column] for row in measured[name])
    for name, runs in measured.items():
        # Time is compared round by round, since the machine's speed drifts.
        ratio = statistics.median(ours[0] / theirs[0] for ours, theirs in zip(measured["segue"], runs))
        shown = ", ".join(f"{row[0]:.1f}" for row in runs)
        others = [median("segue", column) / median(name, column) for column in (1, 2)]
        print(f"| {name} | {shown} | {median(name, 1):.1f} | {median(name, 2):.0f} | {ratio:.2f} | {others[0]:.2f} | {others[1]:.2f} |")


def scale(sizes: list[int]) -> None:
    print("| rows | seconds | CPU seconds | CPU-µs a row | peak MiB | through files |")
    print("|---|---|---|---|---|---|")
    for rows in sizes:
        seconds, cpu, peak, said = run(commands(rows)["segue"][0])
        away = next((line.split(" of rows")[0] for line in said.splitlines() if "went through files" in line), "none")
        print(f"| {rows} | {seconds:.1f} | {cpu:.1f} | {cpu / rows * 1e6:.2f} | {peak:.0f} | {away} |", flush=True)


def cap(rows: int, mib: int) -> None:
    seconds, cpu, peak, said = run(commands(rows)["segue"][0], mib)
    print(f"{rows} rows under {mib} MiB of address space: {seconds:.1f} s, {cpu:.1f} CPU-s, peak {peak:.0f} MiB resident")
    print("\n".join(line for line in said.splitlines() if "went through files" in line))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["compare", rows, rounds]:
            compare(int(rows), int(rounds))
        case ["scale", *sizes] if sizes:
            scale([int(size) for size in sizes])
        case ["cap", rows, mib]:
            cap(int(rows), int(mib))
        case _:
            sys.exit(__doc__)
