"""implicit. The model is a table of scores that recommends what it is told to, as `implicit.evaluation` asks of any.

Lists are measured as the model gives them: of `tied`, with the lower index first.
"""

import numpy as np
from common import CUTOFFS, by_index, cases, hidden, ranked, relevant, write
from implicit.evaluation import ranking_metrics_at_k
from scipy.sparse import csr_matrix


class Given:
    def __init__(self, lists):
        self.lists = lists

    def recommend(self, users, user_items, N=10, **_):
        lists = [self.lists[user][:N] for user in users]
        return np.array(lists, dtype=np.int32), np.zeros((len(lists), N), dtype=np.float32)


def matrix(case, pairs):
    rows, columns = zip(*pairs) if pairs else ((), ())
    shape = (len(case["users"]), case["n_items"])
    return csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)


def main():
    values = {}
    for case in cases("random", "one_positive", "adversarial", "tied"):
        held = matrix(case, [(u, item) for u, user in enumerate(case["users"]) for item in relevant(user)])
        met = matrix(case, hidden(case))
        model = Given([ranked(user) for user in case["users"]])
        found = {}
        for k in CUTOFFS:
            answer = ranking_metrics_at_k(model, met, held, K=k, show_progress=False, num_threads=1)
            found |= {f"{name}@{k}": float(answer[name]) for name in ("precision", "map", "ndcg", "auc")}
        values[by_index(case)] = found
    write("implicit", ["implicit", "numpy", "scipy"], values)


main()
