"""Intra-list diversity by RecTools, with one minus the cosine of categories for its distance.

RecTools has the mean over pairs and takes any distance of items; the cosine is SciPy's. Writes values.json: items with their
categories, users with their scores, and the mean over users at each cut-off. Items without categories are in it (no cosine is
defined for them: they are like no other, distance 1).
"""

import json
import pathlib

import numpy as np
import pandas as pd
from rectools import Columns
from rectools.metrics import IntraListDiversity
from rectools.metrics.distances import PairwiseDistanceCalculator
from scipy.spatial.distance import cosine

HERE = pathlib.Path(__file__).resolve().parent
CUTOFFS = [2, 3, 5, 10, 40]


class Categories(PairwiseDistanceCalculator):
    def __init__(self, rows):
        self.rows = rows

    def _get_distances_for_item_pairs(self, items_0, items_1):
        distance = lambda a, b: cosine(a, b) if a.any() and b.any() else 1.0
        return np.array([distance(self.rows[i], self.rows[j]) for i, j in zip(items_0, items_1)])


def main():
    rng = np.random.default_rng(20)
    n_items, n_categories, n_users = 40, 7, 12
    rows = (rng.random((n_items, n_categories)) < 0.3).astype(float)
    # A permutation a user, so that nothing ties.
    scores = np.array([rng.permutation(n_items) for _ in range(n_users)])
    ranked = [(user, int(item), rank) for user in range(n_users) for rank, item in enumerate(np.argsort(-scores[user]), 1)]
    reco = pd.DataFrame(ranked, columns=[Columns.User, Columns.Item, Columns.Rank])
    values = {k: float(IntraListDiversity(k=k, distance_calculator=Categories(rows)).calc(reco)) for k in CUTOFFS}
    out = {
        "made_by": {name: __import__("importlib.metadata").metadata.version(name) for name in ("rectools", "scipy", "numpy")},
        "categories": [[int(c) for c in np.flatnonzero(row)] for row in rows],
        "scores": scores.tolist(),
        "values": values,
    }
    (HERE / "values.json").write_text(json.dumps(out) + "\n")


main()
