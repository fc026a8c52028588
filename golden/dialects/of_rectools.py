"""RecTools. It is handed ranks, not scores: of `tied`, the lower index first."""

import pandas as pd
from common import CUTOFFS, by_index, cases, ranked, relevant, train, write
from rectools import Columns
from rectools.metrics import (
    MAP, MRR, NDCG, AvgRecPopularity, CatalogCoverage, F1Beta, HitRate, MeanInvUserFreq, Precision, Recall, Serendipity,
    calc_metrics,
)

MEASURES = {
    "precision": Precision, "recall": Recall, "f1": F1Beta, "hr": HitRate, "ndcg": NDCG, "map": MAP, "mrr": MRR,
    "novelty": MeanInvUserFreq, "average_popularity": AvgRecPopularity, "coverage": CatalogCoverage,
    "serendipity": Serendipity,
}


def table(pairs, *columns):
    return pd.DataFrame(pairs, columns=[Columns.User, Columns.Item, *columns])


def main():
    values = {}
    for case in cases("random", "one_positive", "adversarial", "tied"):
        users = list(enumerate(case["users"]))
        reco = table([(u, i, n) for u, user in users for n, i in enumerate(ranked(user)[: max(CUTOFFS)], 1)], Columns.Rank)
        held = table([(u, i) for u, user in users for i in relevant(user)])
        before = table(train(case))
        metrics = {f"{name}@{k}": measure(k=k) for name, measure in MEASURES.items() for k in CUTOFFS}
        # The catalogue is what was met in training, as in the example of calc_metrics; items that nobody met are recommended beside it.
        catalog = sorted(set(before[Columns.Item]))
        found = calc_metrics(metrics, reco, held, before, catalog)
        values[by_index(case)] = {name: float(value) for name, value in found.items()}
    write("rectools", ["rectools", "pandas", "numpy"], values)


main()
