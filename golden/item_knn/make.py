"""Item similarities of scikit-surprise on a small made-up rating table.

    pip install scikit-surprise==1.1.5 numpy==1.26.4
    python golden/item_knn/make.py        # writes values.json beside this file
"""
import json
import platform
from pathlib import Path

import numpy as np
import surprise
from surprise import Dataset, KNNBasic, Reader

N_USERS, N_ITEMS = 14, 7
rng = np.random.default_rng(3)
ratings = [
    (u, i, int(rng.integers(1, 6))) for u in range(N_USERS) for i in range(N_ITEMS) if rng.random() < 0.6
]


class Table:
    """Just enough of a data frame for Dataset.load_from_df."""

    def __init__(self, rows):
        self.columns = ["user", "item", "rating"]
        self.values = [list(row) for row in rows]

    def __getitem__(self, key):
        return self

    def itertuples(self, index=False):
        return iter(tuple(row) for row in self.values)


def similarities(options):
    data = Dataset.load_from_df(Table(ratings), Reader(rating_scale=(1, 5)))
    train = data.build_full_trainset()
    model = KNNBasic(sim_options={"user_based": False, **options}, verbose=False).fit(train)
    raw = [train.to_inner_iid(i) for i in range(N_ITEMS)]
    return [[float(model.sim[a, b]) for b in raw] for a in raw]


golden = {
    "made_by": {"scikit-surprise": surprise.__version__, "numpy": np.__version__, "python": platform.python_version()},
    "tolerance": 1e-5,
    "n_users": N_USERS,
    "n_items": N_ITEMS,
    "ratings": ratings,
    "msd": similarities({"name": "msd"}),
    "pearson": similarities({"name": "pearson", "min_support": 2}),
    "pearson_baseline": similarities({"name": "pearson_baseline", "min_support": 2, "shrinkage": 10}),
}
Path(__file__).with_name("values.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
