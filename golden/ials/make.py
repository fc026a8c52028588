"""Exact iALS on a small world: scores after one and three epochs, in numpy and, where the objectives coincide, `implicit`.

    python -m venv venv && venv/bin/pip install numpy==2.4.6 scipy==1.17.1 implicit==0.7.3
    venv/bin/python golden/ials/make.py        # writes values.json beside this file

An epoch solves the items from the users, then the users from the items. `implicit` knows constant penalties and weight 1
of unobserved pairs only, and solves its users first: it is given the transposed matrix.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix

rng = np.random.default_rng(20)
N_USERS, N_ITEMS, D = 14, 11, 4
likes = np.zeros((N_USERS, N_ITEMS))
for user in range(N_USERS - 1):  # the last user likes nothing
    for item in rng.choice(N_ITEMS - 1, size=rng.integers(1, 8), replace=False):  # nobody likes the last item
        likes[user, item] = rng.integers(1, 4)
start = rng.normal(0, 0.3, (N_USERS, D)).astype(np.float32)


def solve(known, weights, p):
    """One row: min sum c (p - x.y)^2 + l2 (sum c)^nu |x|^2, c = w0 + alpha weight."""
    c = p["unobserved_weight"] + p["alpha"] * weights
    a = (known * c[:, None]).T @ known + p["l2"] * c.sum() ** p["l2_exponent"] * np.eye(D)
    return np.linalg.solve(a, known.T @ (c * (weights > 0)))


def epochs(n, p):
    users = start.astype(np.float64)
    for _ in range(n):
        items = np.stack([solve(users, likes[:, i], p) for i in range(N_ITEMS)])
        users = np.stack([solve(items, likes[u], p) for u in range(N_USERS)])
    return users @ items.T


def peer(n, p):
    """The same by `implicit`: its confidence of an observed pair is the stored value, ours w0 + alpha weight."""
    data = csr_matrix(likes.T)
    data.data = 1.0 + p["alpha"] * data.data
    model = AlternatingLeastSquares(
        factors=D, regularization=p["l2"], alpha=1.0, iterations=n, use_cg=False, use_native=True, num_threads=1
    )
    model.item_factors = start.copy()
    model.user_factors = np.zeros((N_ITEMS, D), dtype=np.float32)
    model.fit(data, show_progress=False)
    return model.item_factors @ model.user_factors.T


cases = []
for p in [
    {"alpha": 1.0, "unobserved_weight": 0.1, "l2": 0.05, "l2_exponent": 1.0},
    {"alpha": 2.0, "unobserved_weight": 1.0, "l2": 0.5, "l2_exponent": 0.0},
    {"alpha": 3.0, "unobserved_weight": 0.3, "l2": 0.2, "l2_exponent": 0.5},
]:
    for n in [1, 3]:
        scores = epochs(n, p)
        if p["unobserved_weight"] == 1.0 and p["l2_exponent"] == 0.0:
            gap = np.abs(peer(n, p) - scores).max()
            assert gap < 1e-5, gap
            print(f"implicit differs by at most {gap:.1e} after {n} epochs", file=sys.stderr)
        cases.append({"params": {"factors": D, **p}, "epochs": n, "scores": scores.round(7).tolist()})
golden = {
    "made_by": {name: version(name) for name in ["numpy", "scipy", "implicit"]},
    "tolerance": 1e-4,
    "likes": likes.tolist(),
    "start": start.round(7).tolist(),
    "cases": cases,
}
Path(__file__).with_name("values.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
