"""Reference values of scikit-surprise's SVD.

    pip install scikit-surprise==1.1.5 numpy==1.26.4
    SEGUE_DATA=<folder with ml-100k> python golden/svd/make.py        # writes values.json beside this file

`steps`: three users and three items with one rating each, so that the order of the steps does not matter, from constant
initial factors. `folds`: RMSE with default hyper-parameters on the five official folds of MovieLens 100K, three seeds.
"""
import gzip
import json
import os
import platform
import tempfile
from pathlib import Path

import numpy as np
import surprise
from surprise import SVD, Dataset, Reader, accuracy
from surprise.model_selection import PredefinedKFold


def steps(biased):
    ratings = [(0, 0, 5.0), (1, 1, 1.0), (2, 2, 4.0)]
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("".join(f"{u},{i},{r}\n" for u, i, r in ratings))
        file.flush()
        train = Dataset.load_from_file(file.name, Reader(line_format="user item rating", sep=",", rating_scale=(1, 5))).build_full_trainset()
    options = {"n_factors": 2, "n_epochs": 20, "lr_all": 0.05, "reg_all": 0.1, "init_mean": 0.3, "init_std_dev": 0}
    model = SVD(biased=biased, **options).fit(train)
    users = [train.to_inner_uid(str(u)) for u in range(3)]
    items = [train.to_inner_iid(str(i)) for i in range(3)]
    return {
        "ratings": ratings,
        "params": options | {"biased": biased},
        "user_bias": [float(model.bu[u]) for u in users],
        "item_bias": [float(model.bi[i]) for i in items],
        "user_factors": [model.pu[u].tolist() for u in users],
        "item_factors": [model.qi[i].tolist() for i in items],
    }


def folds(folder):
    with tempfile.TemporaryDirectory() as plain:
        for name in [f"u{fold}.{part}" for fold in range(1, 6) for part in ("base", "test")]:
            packed = folder / f"{name}.gz"
            rows = gzip.open(packed).read() if packed.exists() else (folder / name).read_bytes()
            Path(plain, name).write_bytes(rows)
        files = [(f"{plain}/u{fold}.base", f"{plain}/u{fold}.test") for fold in range(1, 6)]
        data = Dataset.load_from_folds(files, reader=Reader("ml-100k"))
        splits = list(PredefinedKFold().split(data))
    rmse = lambda train, test, seed: accuracy.rmse(SVD(random_state=seed).fit(train).test(test), verbose=False)
    return [[round(float(rmse(train, test, seed)), 6) for train, test in splits] for seed in range(3)]


golden = {
    "made_by": {"scikit-surprise": surprise.__version__, "numpy": np.__version__, "python": platform.python_version()},
    "tolerance": {"steps": 1e-5, "mean_rmse": 0.002},
    "steps": [steps(True), steps(False)],
    "folds": folds(Path(os.environ["SEGUE_DATA"], "ml-100k")),
}
Path(__file__).with_name("values.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
