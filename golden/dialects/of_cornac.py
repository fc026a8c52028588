"""cornac. Its classes answer for one user; a model's list is what the user may be shown.

Classes that look at ranks take the list as it comes, of `tied` with the lower index first; those that look at scores have ties of
their own. Errors are of all held-out items together, as `rating_eval` has them unless it is asked for means of users.
"""

import numpy as np
from common import CUTOFFS, by_index, candidates, cases, ranked, ratings, relevant, write
from cornac.metrics import AUC, MAE, MAP, MRR, MSE, NDCG, RMSE, FMeasure, HitRatio, Precision, Recall

AT_K = {"precision": Precision, "recall": Recall, "f1": FMeasure, "hr": HitRatio, "ndcg": NDCG}
OF_RANKS = {f"{name}@{k}": metric(k=k) for name, metric in AT_K.items() for k in CUTOFFS} | {"mrr": MRR()}
OF_SCORES = {"map": MAP(), "auc": AUC()}
ERRORS = {"rmse": RMSE(), "mse": MSE(), "mae": MAE()}


def main():
    values = {}
    for case in cases("random", "one_positive", "adversarial", "tied"):
        of_ranks, of_scores = dict.fromkeys(OF_RANKS, 0.0), dict.fromkeys(OF_SCORES, 0.0)
        for user in case["users"]:
            items = np.array(candidates(user))
            asked = {
                "gt_pos": np.array(list(relevant(user))), "pd_rank": np.array(ranked(user)), "item_indices": items,
                "pd_scores": np.array([user["scores"][item] for item in items]),
            }
            for sums, metrics in [(of_ranks, OF_RANKS), (of_scores, OF_SCORES)]:
                for name, metric in metrics.items():
                    sums[name] += float(metric.compute(**asked))
        of_ranks, of_scores = ({name: total / len(case["users"]) for name, total in sums.items()} for sums in (of_ranks, of_scores))
        given, predicted = map(np.array, zip(*ratings(case)))
        errors = {name: float(metric.compute(gt_ratings=given, pd_ratings=predicted)) for name, metric in ERRORS.items()}
        values.setdefault(by_index(case), {}).update(of_ranks)
        values.setdefault(case["name"], {}).update(of_scores | errors)
    write("cornac", ["cornac", "numpy"], values)


main()
