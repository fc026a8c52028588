"""ranx. It sorts a run itself, rows in the order of indices here, and leaves equal scores as its sort does: once when a run is made,
and again when it is made comparable with qrels, which is the one way that takes any two files, and so the one that we follow.
"""

from common import CUTOFFS, candidates, cases, lists, relevant, write
from ranx import Qrels, Run, evaluate

MEASURES = {
    "precision": "precision",
    "recall": "recall",
    "f1": "f1",
    "hit_rate": "hr",
    "ndcg": "ndcg",
    "ndcg_burges": "ndcg_burges",
    "map": "map",
    "mrr": "mrr",
}


def answers(qrels, run, cutoffs, **how):
    wanted = [f"{measure}@{k}" for measure in MEASURES for k in cutoffs]
    found = evaluate(qrels, run, wanted, **how)
    return {f"{ours}@{k}": float(found[f"{measure}@{k}"]) for measure, ours in MEASURES.items() for k in cutoffs}


def main():
    values = {}
    for case in cases("random", "one_positive", "adversarial", "tied"):
        qrels = Qrels({f"u{u}": {f"i{i}": g for i, g in relevant(user).items()} for u, user in enumerate(case["users"])})
        run = Run({f"u{u}": {f"i{i}": user["scores"][i] for i in candidates(user)} for u, user in enumerate(case["users"])})
        values[case["name"]] = answers(qrels, run, CUTOFFS, make_comparable=True)
    write("ranx", ["ranx", "numba", "numpy"], values)
    # As its readers of files make them, and in the one way that takes any two files: without it, queries that only one has are an error.
    cutoffs, files = lists()
    values = {
        name: answers(Qrels.from_dict(qrels), Run.from_dict(run), cutoffs, make_comparable=True) for name, (run, qrels) in files.items()
    }
    write("ranx_lists", ["ranx", "numba", "numpy"], values)


main()
