"""Golden values of the ranking metrics, from programs that share no code with ours.

    pip install numpy==2.4.6 ranx==0.3.21 ir_measures==0.4.3 pytrec_eval-terrier==0.5.11     (Python 3.11)
    python golden/metrics/make.py            # writes values.json beside this file

Every value is one user's, never rounded before the last step. Where a library defines a metric as we do, its number is the
golden one and NumPy's must agree with it to 1e-9:

    precision, recall, hr, mrr      ranx and ir_measures (pytrec_eval)
    ndcg                            ranx and ir_measures; binary relevance, so linear and exponential gains agree
    map                             both divide by |R|; golden is ranx times |R| / min(k, |R|), our definition
    f1                              ranx, per user, 0 for 0/0
    rmse, mae                       NumPy on given pairs

Cases with ties have no library that takes the expected value; there the number is the mean of 200,000 random orders
(NumPy only, a Monte Carlo estimate with its own standard error), and the tolerance is five standard errors.
"""

import json
import platform
from importlib.metadata import version
from pathlib import Path

import ir_measures
import numpy as np
from ir_measures import AP, RR, P, R, Success, nDCG
from ranx import Qrels, Run, evaluate

METRICS = ["precision", "recall", "f1", "hr", "ndcg", "map", "mrr"]
CUTOFFS = [1, 3, 5, 10, 20]
RANX = {
    "precision": "precision", "recall": "recall", "f1": "f1", "hr": "hit_rate", "ndcg": "ndcg", "map": "map", "mrr": "mrr",
}
IR = {
    "precision": P, "recall": R, "hr": Success, "ndcg": nDCG, "map": AP, "mrr": RR,
}


def plain(hits, n_relevant, k):
    """hits: (n_lists, n_candidates) of 0/1, best first. One value per list and metric."""
    top = hits[:, :k].astype(float)
    position = np.arange(1, top.shape[1] + 1)
    found = top.sum(1)
    precision, recall = found / k, found / n_relevant
    with np.errstate(invalid="ignore"):
        f1 = np.where(found > 0, 2 * precision * recall / (precision + recall), 0.0)
    discount = 1 / np.log2(position + 1)
    ideal = (1 / np.log2(np.arange(1, min(k, n_relevant) + 1) + 1)).sum()
    return {
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "hr": (found > 0).astype(float),
        "ndcg": (top * discount).sum(1) / ideal,
        "map": (top * top.cumsum(1) / position).sum(1) / min(k, n_relevant),
        "mrr": np.where(found > 0, 1 / (top.argmax(1) + 1), 0.0),
    }


def user(rng, n_candidates, n_relevant, n_beyond, levels):
    """Scores of the candidates and the relevant ones; n_beyond more relevant items are no candidates."""
    if levels is None:
        scores = rng.permutation(n_candidates).astype(float)
    else:
        scores = rng.integers(0, levels, n_candidates).astype(float)
    relevant = np.sort(rng.choice(n_candidates, n_relevant, replace=False))
    return {"scores": [int(s) for s in scores], "relevant": relevant.tolist(), "n_relevant": n_relevant + n_beyond}


def exact(users):
    """Values of tie-free users by ranx, held against ir_measures and NumPy."""
    qrels, run = {}, {}
    for n, u in enumerate(users):
        run[f"u{n:03}"] = {f"i{i:03}": s for i, s in enumerate(u["scores"])}
        beyond = range(u["n_relevant"] - len(u["relevant"]))
        items = [f"i{i:03}" for i in u["relevant"]] + [f"absent{i}" for i in beyond]
        qrels[f"u{n:03}"] = {item: 1 for item in items}
    names = [f"{RANX[m]}@{k}" for m in METRICS for k in CUTOFFS]
    by_ranx = evaluate(Qrels(qrels), Run(run), names, return_mean=False)
    by_ir = {}
    for value in ir_measures.iter_calc([m @ k for m in IR.values() for k in CUTOFFS], qrels, run):
        by_ir[str(value.measure), value.query_id] = value.value
    for n, u in enumerate(users):
        order = np.argsort(-np.array(u["scores"]))
        hits = np.isin(order, u["relevant"])[None, :]
        u["values"] = {}
        for k in CUTOFFS:
            ours = plain(hits, u["n_relevant"], k)
            for m in METRICS:
                value = float(by_ranx[f"{RANX[m]}@{k}"][n])
                scale = u["n_relevant"] / min(k, u["n_relevant"]) if m == "map" else 1.0
                value *= scale
                assert abs(value - ours[m][0]) < 1e-9, ("numpy", m, k, n, value, ours[m][0])
                if m in IR:
                    other = by_ir[str(IR[m] @ k), f"u{n:03}"] * scale
                    assert abs(value - other) < 1e-9, ("ir_measures", m, k, n, value, other)
                u["values"][f"{m}@{k}"] = value
    return users


def expected(rng, users, n_orders=200_000):
    """Values of tied users: the mean over random orders, with its standard error."""
    for u in users:
        scores = np.array(u["scores"], dtype=float)
        sums = {(m, k): np.zeros(2) for m in METRICS for k in CUTOFFS}
        for _ in range(10):
            n = n_orders // 10
            order = np.argsort(-(scores + rng.random((n, len(scores))) * 0.5), axis=1)
            hits = np.isin(order, u["relevant"])
            for k in CUTOFFS:
                for m, x in plain(hits, u["n_relevant"], k).items():
                    sums[m, k] += [x.sum(), (x * x).sum()]
        u["values"], u["tolerance"] = {}, {}
        for (m, k), (total, squares) in sums.items():
            mean = total / n_orders
            error = np.sqrt(max(squares / n_orders - mean * mean, 0) / n_orders)
            u["values"][f"{m}@{k}"] = round(float(mean), 7)
            u["tolerance"][f"{m}@{k}"] = float(f"{5 * error + 1e-7:.2g}")
    return users


def main():
    rng = np.random.default_rng(20260723)
    shapes = [(30, 1, 0), (30, 1, 0), (12, 4, 0), (25, 8, 3), (40, 15, 0), (8, 8, 0), (15, 2, 5), (50, 25, 1)]
    tied = [(100, 1, 0, 1), (30, 1, 0, 4), (30, 6, 0, 3), (25, 10, 4, 2), (12, 3, 0, 6)]
    predicted, value = rng.normal(3.5, 1, 20).round(3), rng.integers(1, 6, 20)
    golden = {
        "made_by": "golden/metrics/make.py",
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ["numpy", "ranx", "ir_measures", "pytrec_eval-terrier"]},
        "tolerance": 1e-9,
        "exact": exact([user(rng, *shape, None) for shape in shapes]),
        "tied": expected(rng, [user(rng, *shape) for shape in tied]),
        "ratings": {
            "predicted": predicted.tolist(),
            "value": value.tolist(),
            "rmse": float(np.sqrt(np.mean((predicted - value) ** 2))),
            "mae": float(np.mean(np.abs(predicted - value))),
        },
    }
    Path(__file__).with_name("values.json").write_text(one_line_each(golden))


def one_line_each(golden):
    """JSON with one line per user."""
    lines = []
    for key, part in golden.items():
        rows = ",\n  ".join(json.dumps(user) for user in part) if isinstance(part, list) else None
        lines.append(f'"{key}": ' + (f"[\n  {rows}\n ]" if rows else json.dumps(part)))
    return "{\n " + ",\n ".join(lines) + "\n}\n"


main()
