"""Golden values of the estimates of full metrics from sampled ones, from SciPy and NumPy.

    pip install numpy==2.4.6 scipy==1.17.1     (Python 3.11)
    python golden/corrected/make.py            # writes values.json beside this file

    A[r, s]      scipy.stats.hypergeom.pmf: s - 1 of n distinct negatives, drawn from N - 1, are among the r - 1 above
    estimates    numpy.linalg.lstsq of the objective itself, without its normal equations: the rows of the squared bias,
                 sqrt(P(r)) A[r, :], and for the variance, the rows sqrt(gamma P(r) A[r, s]) (e_s - A[r, :])
                 (Krichene and Rendle, On sampled metrics for item recommendation, KDD 2020, section 5: squared bias plus gamma
                 times variance, P uniform; gamma 0.1 is their BV 0.1)

The metrics are functions of the rank r of the only relevant item. Tolerance of the test: 1e-9.
"""

import json
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy.stats import hypergeom


def within(k, value):
    return lambda r: np.where(r <= k, value(r), 0.0)


METRICS = {
    "hr@1": within(1, lambda r: 1.0),
    "hr@10": within(10, lambda r: 1.0),
    "recall@5": within(5, lambda r: 1.0),
    "precision@10": within(10, lambda r: 0.1),
    "f1@10": within(10, lambda r: 2 * 0.1 / 1.1),
    "ndcg@10": within(10, lambda r: 1 / np.log2(r + 1)),
    "ndcg@20": within(20, lambda r: 1 / np.log2(r + 1)),
    "map@10": within(10, lambda r: 1 / r),
    "mrr@5": within(5, lambda r: 1 / r),
}


def estimates(N, n, gamma):
    r = np.arange(1, N + 1)
    A = hypergeom.pmf(np.arange(n + 1)[None, :], N - 1, r[:, None] - 1, n)
    assert np.abs(A.sum(1) - 1).max() < 1e-10
    A /= A.sum(1, keepdims=True)
    M = np.stack([metric(r) for metric in METRICS.values()], axis=1)
    bias = A / np.sqrt(N)
    # The variance's rows of one r hold A[r, s] for each s: reduced by QR to as many rows as there are unknowns.
    rest = np.zeros((0, n + 1))
    for row in A:
        rows = np.sqrt(gamma / N * row)[:, None] * (np.eye(n + 1) - row[None, :])
        rest = np.linalg.qr(np.vstack([rest, rows]), mode="r")
    system = np.vstack([bias, rest])
    right = np.vstack([M / np.sqrt(N), np.zeros((len(rest), M.shape[1]))])
    found, *_ = np.linalg.lstsq(system, right, rcond=None)
    return {name: found[:, m].tolist() for m, name in enumerate(METRICS)}


def main():
    cases = [
        {"n_candidates": N, "n_negatives": n, "gamma": gamma, "corrected": estimates(N, n, gamma)}
        for N, n, gamma in [(30, 9, 0.1), (50, 49, 0.1), (200, 20, 0.01), (1000, 99, 0.1), (3000, 50, 0.1), (1000, 99, 1.0)]
    ]
    golden = {
        "made_by": "golden/corrected/make.py",
        "versions": {"python": platform.python_version()} | {name: version(name) for name in ["numpy", "scipy"]},
    }
    lines = [f'"{key}": {json.dumps(value)}' for key, value in golden.items()]
    lines.append('"cases": [\n  ' + ",\n  ".join(json.dumps(case) for case in cases) + "\n ]")
    Path(__file__).with_name("values.json").write_text("{\n " + ",\n ".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
