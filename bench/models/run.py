"""Training and ranking beside the peers: the same data, the same two threads, in turn.

usage: run.py JOB DATA [ROUNDS] [OUT.csv]      e.g. run.py als ../shared/data 3
       run.py list

DATA is the folder of the public data sets. The validation part of Gowalla (of ml-1m) that LightGCN++ published is held out, everything is fitted
on the rest, and both sides must reach the same recall@20 on it (where they do the same job); no test part is opened. Each side is a
process of its own; its peak memory is that of the process. Prints medians, their ratio with its spread over the rounds, and
appends every measurement to OUT.csv.

Environment: SEGUE (default target/release/segue), THREADS (default 2), PEER (one of several peers alone), LOGS (where generated
logs are, or go). Needs requirements.txt, in an environment of its own.
"""

import collections
import csv
import gzip
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SEGUE = os.environ.get("SEGUE", str(HERE.parent.parent / "target/release/segue"))
THREADS = os.environ.get("THREADS", "2")
RECALL = ["evaluation.metrics=[recall]", "evaluation.k_values=[20]"]
LEAST = ["evaluation.candidates=sampled", "evaluation.negatives=1", "evaluation.metrics=[hr]", "evaluation.k_values=[1]",
         "trainer.early_stopping.metric=hr@1"]
ALS = ["model=ials", "model.factors=64", "model.alpha=9", "model.unobserved_weight=1", "model.l2=0.01", "model.l2_exponent=0", "trainer.max_epochs=8"]
UNIFORM = ["model.negative_sampling=uniform", "model.negatives=1", "model.factors=64"]

# What we do, what the peer does, seconds out of what each prints, and how far apart their recalls may be (None: not the same job).
JOBS = {
    "als": dict(
        what="seconds an iteration of conjugate gradients, three steps a row, d = 64, confidence 10, penalty .01",
        ours=[*ALS, "model.solver=cg"],
        peers={"implicit": ["als", "iterations=8"]},
        own=lambda found: statistics.median(epoch["seconds"] for epoch in found["epochs"]),
        peer=lambda found: statistics.median(found["seconds"]),
        apart=0.01,
    ),
    "als_exact": dict(
        what="seconds an iteration of exact solutions, d = 64, confidence 10, penalty .01",
        ours=ALS,
        peers={"implicit, Cholesky": ["als", "iterations=8", "cg=0"]},
        own=lambda found: statistics.median(epoch["seconds"] for epoch in found["epochs"]),
        peer=lambda found: statistics.median(found["seconds"]),
        apart=0.01,
    ),
    "item_knn": dict(
        what="seconds to fit and to recommend to everyone, cosine, 100 neighbours",
        ours=["model=item_knn", "model.similarity=cosine", "model.neighbors=100", "model.shrinkage=0", "model.damping=0", "model.normalise=false"],
        peers={"implicit": ["item_knn"]},
        own=lambda found: found["fit"] + found["rank"],
        peer=lambda found: sum(found["seconds"]),
        apart=None,
    ),
    "bpr": dict(
        what="seconds to the best recall@20 of the peer, d = 64, one uniform negative",
        # Of steps .005, .01 and .02, its best.
        ours=["model=mf", *UNIFORM, "model.learning_rate=0.01", "model.l2=0.01", "model.item_bias=false", "trainer.max_epochs=8", "--every", "1"],
        # Of rates .05 and .1 and penalties .001, .002 and .01, its best.
        peers={"implicit": ["bpr", "iterations=200", "rate=0.05", "l2=0.001", "every=25"]},
        own=None,
        peer=lambda found: sum(found["seconds"][: max(found["curve"], key=lambda at: at[1])[0]]),
        apart=None,
    ),
    "ease": dict(
        # With two threads the LAPACK of SciPy's wheel breaks from some 32,000 items on.
        items=20_000,
        what="seconds from likes to the inverse, the 20,000 items with most likes",
        ours=["model=ease", "model.l2=80", "model.max_memory_gib=16"],
        peers={"scipy": ["ease"]},
        own=lambda found: found["fit"],
        peer=lambda found: found["seconds"][0],
        apart=None,
    ),
    "lightgcn": dict(
        what="seconds an epoch, batch 2048, d = 64, 3 layers; the peer's from 20 steps",
        ours=["model=lightgcn", "model.factors=64", "model.layers=3", "trainer.batch_size=2048", "trainer.learning_rate=0.001", "trainer.max_epochs=1"],
        peers={"PyTorch, CSR": ["lightgcn", "form=csr"], "PyTorch, COO": ["lightgcn", "form=coo"]},
        own=lambda found: found["epochs"][0]["seconds"],
        peer=lambda found: statistics.median(found["seconds"]) * found["steps per epoch"],
        apart=None,
    ),
    "rank": dict(
        what="seconds to rank everything for everyone, random factors, d = 64",
        ours=["model=mf", "model.factors=64", "model.item_bias=false", "trainer.max_epochs=0"],
        peers={"implicit and NumPy": ["rank"]},
        own=lambda found: found["rank"],
        peer=lambda found: min(found["seconds"]),
        apart=None,
    ),
}

JOBS["neumf"] = dict(
    data="ml_1m",
    what="seconds an epoch on ml-1m, batch 1024 with four negatives each, factors 64, layers 128-64-32-16",
    ours=["model=neumf", "trainer.batch_size=1024", "trainer.learning_rate=0.001", "trainer.max_epochs=2"],
    peers={"PyTorch": ["neumf", "epochs=2"]},
    own=lambda found: statistics.median(epoch["seconds"] for epoch in found["epochs"]),
    peer=lambda found: statistics.median(found["seconds"]),
    apart=None,
)

SASREC = ["model=sasrec", "model.dropout=0.2", "trainer.batch_size=256", "trainer.learning_rate=0.001", "trainer.max_epochs=2"]
JOBS["sasrec"] = JOBS["neumf"] | dict(
    data="amazon_beauty_seq",
    what="seconds an epoch on the sequences of Amazon Beauty, batch 256, d = 64, 50 places, 2 blocks, 2 heads, one negative",
    ours=[*SASREC, "model.loss=bce"],
    peers={"PyTorch": ["sasrec", "epochs=2"]},
)
JOBS["sasrec_full"] = JOBS["sasrec"] | dict(
    what=JOBS["sasrec"]["what"].replace("one negative", "cross-entropy over all items"),
    ours=[*SASREC, "model.loss=full_softmax"],
    peers={"PyTorch": ["sasrec", "epochs=2", "loss=full"]},
)
JOBS["sasrec_padded"] = JOBS["sasrec"] | dict(
    what=JOBS["sasrec"]["what"] + ", norms behind layers, filled up to 50 places on both sides",
    ours=[*SASREC, "model.loss=bce", "model.variant=s1"],
    peers={"PyTorch": ["sasrec", "epochs=2", "norm_first=0"]},
)

JOBS["two_tower"] = JOBS["lightgcn"] | dict(
    what="seconds an epoch, batch 1024, d = 64, users' vectors and the mean of 50 likes, softmax over the batch with logQ",
    ours=["model=two_tower", "model.features=false", "trainer.batch_size=1024", "trainer.learning_rate=0.001", "trainer.max_epochs=2"],
    peers={"PyTorch": ["two_tower", "epochs=2"]},
    own=JOBS["neumf"]["own"],
    peer=JOBS["neumf"]["peer"],
)

# What is left of a generated log of thirty million rows of two domains is 19.3 million interactions; nothing is ranked there.
for name in ("als", "als_exact"):
    JOBS[f"{name}_generated"] = JOBS[name] | dict(
        generated=30_000_000,
        what=JOBS[name]["what"] + "; 19.3 million generated interactions",
        peers={peer: [*task, "users=0"] for peer, task in JOBS[name]["peers"].items()},
        apart=None,
    )

JOBS["lightgcn_bf16"] = JOBS["lightgcn"] | dict(
    what=JOBS["lightgcn"]["what"] + "; our tables of two bytes a number",
    ours=[*JOBS["lightgcn"]["ours"], "model.storage=bf16"],
    peers={"PyTorch, CSR": ["lightgcn", "form=csr"]},
)


def run(command):
    """The JSON that a process prints, and its peak memory in MiB."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen([str(part) for part in command], stdout=out, stderr=err, env=os.environ | {"RAYON_NUM_THREADS": THREADS, "THREADS": THREADS})
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        err.seek(0)
        if process.returncode:
            sys.exit(f"{command}:\n{err.read()}")
        out.seek(0)
        return json.loads(out.read().strip().splitlines()[-1]), used.ru_maxrss / 1024


def most_liked(root, n, out):
    """Gowalla with its n most liked items alone."""
    (out / "gowalla").mkdir(parents=True)
    lists = {file.name: [line.split() for line in gzip.open(file, "rt")] for file in pathlib.Path(root, "gowalla").glob("*.txt.gz")}
    likes = collections.Counter(item for line in lists["train.txt.gz"] for item in line[1:])
    kept = {item: str(n) for n, item in enumerate(sorted(likes, key=lambda item: (-likes[item], int(item)))[:n])}
    for name, lines in lists.items():
        with gzip.open(out / "gowalla" / name, "wt") as file:
            left = ([line[0], *(kept[item] for item in line[1:] if item in kept)] for line in lines if line)
            file.writelines(" ".join(line) + "\n" for line in left if len(line) > 1)
    return out


def of_us(*command, root="."):
    """What our program does with the data of a folder."""
    environment = os.environ | {"SEGUE_DATA": str(pathlib.Path(root).resolve())}
    done = subprocess.run([SEGUE, *command], env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)


def prepare(root, job):
    """The data of a job, once for us and once for others: Gowalla without the published validation part, or a generated log."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="segue-bench-models-"))
    if "generated" in job:
        generated(job["generated"], folder / "data")
    else:
        root = most_liked(root, job["items"], folder / "raw") if "items" in job else root
        of_us("prepare", f"data={job.get('data', 'gowalla_carve')}", "--out", folder / "data", root=root)
    of_us("export", folder / "data", "--format", "adjacency", "--ids", "dense", "--out", folder / "lists")
    return folder / "data", joined(folder / "lists", folder / "joined")


def generated(rows, out):
    """A log as bench/prepare makes it, five interactions a user and an item."""
    logs = pathlib.Path(os.environ.get("LOGS", tempfile.gettempdir())) / str(rows)
    if not (logs / "films.csv.gz").exists():
        subprocess.run([sys.executable, HERE.parent / "prepare/generate.py", str(rows), logs], check=True)
    domains = ", ".join(f"{{name: {name}, path: {logs / name}.csv.gz}}" for name in ("music", "films"))
    core = [f"prepare.core.{option}" for option in ("mode=until_stable", "strict=false", "users=5", "items=5")]
    of_us("prepare", "data=log", f"data.domains=[{domains}]", "data.target=films", "prepare=overlap_core5", *core,
          "prepare.positive_threshold=null", "--out", out)


def joined(lists, out):
    """The lists of all domains as one: users are numbered over all of them, the items of a domain follow those of the one before."""
    out.mkdir()
    users = first = 0
    parts = {name: [] for name in ("train.txt", "valid.txt", "test.txt")}
    for domain in sorted(path.parent for path in lists.rglob("train.txt")):
        items = 0
        for name, lines in parts.items():
            for line in open(domain / name) if (domain / name).exists() else ():
                user, *liked = map(int, line.split())
                users, items = max(users, user + 1), max([items, *(item + 1 for item in liked)])
                lines.append(" ".join(map(str, [user, *(first + item for item in liked)])) + "\n")
        first += items
    for name, lines in parts.items():
        (out / name).write_text("".join(lines))
    (out / "shape.json").write_text(json.dumps([users, first]))
    return out


def main():
    if sys.argv[1:] in ([], ["list"]):
        return print(__doc__, *(f"  {name:14}{job['what']}" for name, job in JOBS.items()), sep="\n")
    name, root, *rest = sys.argv[1:]
    rounds = int(rest[0]) if rest else 3
    job = JOBS[name]
    if "PEER" in os.environ:
        job = job | dict(peers={os.environ["PEER"]: job["peers"][os.environ["PEER"]]})
    data, lists = prepare(root, job)
    rows = []
    for n in range(rounds):
        found = {}
        for peer, (task, *options) in job["peers"].items():
            told, peak = run([sys.executable, HERE / "peers.py", task, lists, *options])
            found[peer] = (job["peer"](told), peak, told["recall@20"] if "recall@20" in told else None)
        told, peak = run([SEGUE, "bench", f"data_dir={data}", *job["ours"], *(LEAST if "generated" in job else RECALL), "--format", "json"])
        if "generated" in job:
            found["segue"] = (job["own"](told), peak, None)
        elif job["own"]:
            found["segue"] = (job["own"](told), peak, told["valid"]["recall@20"])
        else:
            # Time to quality: the clock stops at the first epoch that is as good as the peer's best.
            goal = max(recall for _, _, recall in found.values())
            seconds, reached = 0.0, None
            for epoch in told["epochs"]:
                seconds += epoch["seconds"]
                if epoch["valid"] and epoch["valid"]["recall@20"] >= goal:
                    reached = epoch["valid"]["recall@20"]
                    break
            if reached is None:
                sys.exit(f"segue came to {told['valid']['recall@20']} only, not to {goal}")
            found["segue"] = (seconds, peak, reached)
        rows += [(name, side, n + 1, *values) for side, values in found.items()]
        if job["apart"]:
            recalls = [recall for _, _, recall in found.values()]
            if max(recalls) - min(recalls) > job["apart"]:
                sys.exit(f"recalls differ by more than {job['apart']}: {found}")
        print(f"round {n + 1}: " + "; ".join(f"{side} {s:.3f} s, {p:.0f} MiB" + (f", recall@20 {r:.4f}" if r else "") for side, (s, p, r) in found.items()), flush=True)
    of = lambda side, at: [row[at] for row in rows if row[1] == side]
    print(f"\n{name}: {job['what']}, median of {rounds}")
    for side in job["peers"]:
        ratios = [theirs / own for theirs, own in zip(of(side, 3), of("segue", 3))]
        memory = statistics.median(of("segue", 4)) / statistics.median(of(side, 4))
        print(f"  {side} / segue: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}); memory segue / it {memory:.2f}")
    if len(rest) > 1:
        out = pathlib.Path(rest[1])
        fresh = not out.exists()
        with open(out, "a", newline="") as file:
            writer = csv.writer(file)
            if fresh:
                writer.writerow(["job", "side", "round", "seconds", "peak_mib", "recall@20"])
            writer.writerows([(*row[:3], f"{row[3]:.4f}", f"{row[4]:.0f}", "" if row[5] is None else f"{row[5]:.5f}") for row in rows])


main()
