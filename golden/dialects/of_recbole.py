"""RecBole's metrics, by its own module.

The module needs nothing of PyTorch but arrays that are handed to it, so that an empty module in PyTorch's place is enough:
the environment has RecBole without what it depends on.

Lists come as PyTorch's `topk` leaves them, which says nothing of ties: of `tied` they have the lower index first. GAUC looks at scores.
"""

import sys
import types
from collections import Counter
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import sklearn.metrics  # noqa: F401  before the empty module, which it would take for PyTorch
from common import CUTOFFS, by_index, candidates, cases, ranked, ratings, relevant, train, write

# RecBole 1.2 names types that NumPy has dropped.
for name in ("bool", "float", "int"):
    if not hasattr(np, name):
        setattr(np, name, getattr(__builtins__, name))


class Types:
    """Every name there is is itself."""

    def __getattr__(self, name):
        return name


def metrics_module():
    folder = Path(find_spec("recbole").submodule_search_locations[0]) / "evaluator"
    for name in ("recbole", "recbole.evaluator", "recbole.utils", "torch"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["recbole.utils"].EvaluatorType = Types()
    for name in ("utils", "base_metric", "metrics"):
        spec = spec_from_file_location(f"recbole.evaluator.{name}", folder / f"{name}.py")
        module = module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    return module


class Tensor:
    def __init__(self, array):
        self.array = array

    def squeeze(self, _):
        return self

    def numpy(self):
        return self.array


def pooled(recbole, config, case):
    """AUC of the rows of all users: labelled, each candidate is one row; drawn, all that are not relevant are drawn for each that is."""
    values = {}
    for name in ("labelled", "drawn"):
        rows = []
        for user in case["users"]:
            wanted = relevant(user)
            times = 1 if name == "labelled" else len(wanted)
            for item in candidates(user):
                rows += [(user["scores"][item], item in wanted)] * (1 if item in wanted else times)
        columns = {"rec.score": np.array([row[0] for row in rows], dtype=np.float32), "data.label": np.array([float(row[1]) for row in rows])}
        get = types.SimpleNamespace(get=lambda name, columns=columns: Tensor(columns[name]))
        values[name] = float(recbole.AUC(config).calculate_metric(get)["auc"])
    return values


def main():
    recbole = metrics_module()
    config = {"topk": CUTOFFS, "metric_decimal_place": 15}
    longest = max(CUTOFFS)
    values, all_pooled = {}, {}
    for case in cases("random", "one_positive", "adversarial", "tied"):
        all_pooled[case["name"]] = pooled(recbole, config, case)
        lists, hits, held, ranks = [], [], [], []
        for user in case["users"]:
            wanted, order = relevant(user), ranked(user)
            lists.append(order[:longest])
            hits.append([item in wanted for item in order[:longest]])
            held.append(len(wanted))
            scores = {item: user["scores"][item] for item in candidates(user)}
            mean_rank = lambda item: sum(s > scores[item] for s in scores.values()) + (1 + sum(s == scores[item] for s in scores.values())) / 2
            found = [item for item in wanted if item in scores]
            ranks.append([sum(map(mean_rank, found)), len(scores), len(found)])
        # Item 0 is its padding.
        items = np.array(lists) + 1
        topk = np.concatenate([np.array(hits, dtype=int), np.array(held)[:, None]], axis=1)

        class Data:
            def get(self, name):
                return {
                    "rec.items": Tensor(items), "data.num_items": case["n_items"] + 1,
                    "data.count_items": Counter(item + 1 for _, item in train(case)), "rec.meanrank": Tensor(np.array(ranks, dtype=float)),
                    "rec.topk": Split(topk),
                }[name]

        class Split(Tensor):
            pass

        sys.modules["torch"].split = lambda tensor, sizes, dim: np.split(tensor.array, [sizes[0]], axis=1)
        answers = {}
        for cls, ours in [("Precision", "precision"), ("Recall", "recall"), ("Hit", "hr"), ("NDCG", "ndcg"), ("MAP", "map"), ("MRR", "mrr")]:
            metric = getattr(recbole, cls)(config)
            arrays = (topk[:, :-1].astype(bool), topk[:, -1])
            metric.used_info = lambda _, arrays=arrays: arrays
            for key, value in metric.calculate_metric(Data()).items():
                answers[f"{ours}@{key.split('@')[1]}"] = float(value)
        for cls, ours in [("ItemCoverage", "coverage"), ("GiniIndex", "gini"), ("ShannonEntropy", "entropy")]:
            for key, value in getattr(recbole, cls)(config).calculate_metric(Data()).items():
                answers[f"{ours}@{key.split('@')[1]}"] = float(value)
        # Its popularity of lists is cut to whole numbers where the lists are of whole numbers: they are counts.
        for key, value in recbole.AveragePopularity(config).calculate_metric(Data()).items():
            answers[f"average_popularity@{key.split('@')[1]}"] = float(value)
        given, predicted = zip(*ratings(case))
        errors = {"rec.score": Tensor(np.array(predicted)), "data.label": Tensor(np.array(given, dtype=float))}
        of_scores = {"gauc": recbole.GAUC(config).calculate_metric(Data())["gauc"]}
        for cls, ours in [("RMSE", "rmse"), ("MAE", "mae")]:
            of_scores |= {ours: getattr(recbole, cls)(config).calculate_metric(types.SimpleNamespace(get=errors.get))[ours]}
        values.setdefault(by_index(case), {}).update(answers)
        values.setdefault(case["name"], {}).update({name: float(value) for name, value in of_scores.items()})
    for name, found in [("recbole", values), ("recbole_pooled", all_pooled)]:
        write(name, ["recbole", "numpy", "scikit-learn"], found, note="without PyTorch")


main()
