"""cornac. Its classes answer for one user; a model's list is what the user may be shown."""

import numpy as np
from common import CUTOFFS, candidates, cases, ranked, relevant, write
from cornac.metrics import AUC, MAP, MRR, NDCG, FMeasure, HitRatio, Precision, Recall

AT_K = {"precision": Precision, "recall": Recall, "f1": FMeasure, "hr": HitRatio, "ndcg": NDCG}
UNCUT = {"map": MAP, "mrr": MRR, "auc": AUC}


def main():
    values = {}
    for case in cases("random", "one_positive", "adversarial", "tied"):
        sums = {}
        for user in case["users"]:
            items = np.array(candidates(user))
            held = np.array([item for item in relevant(user)])
            asked = {
                "gt_pos": held, "pd_rank": np.array(ranked(user)), "item_indices": items,
                "pd_scores": np.array([user["scores"][item] for item in items]),
            }
            # Its ranks break ties as they fall; what looks at scores alone does not.
            metrics = {} if case["name"] == "tied" else {f"{name}@{k}": metric(k=k) for name, metric in AT_K.items() for k in CUTOFFS}
            metrics |= {name: metric() for name, metric in UNCUT.items() if case["name"] != "tied" or name != "mrr"}
            for name, metric in metrics.items():
                sums[name] = sums.get(name, 0.0) + float(metric.compute(**asked))
        values[case["name"]] = {name: total / len(case["users"]) for name, total in sums.items()}
    write("cornac", ["cornac", "numpy"], values)


main()
