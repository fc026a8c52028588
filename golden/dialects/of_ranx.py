"""ranx."""

from common import CUTOFFS, candidates, cases, relevant, write
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


def main():
    values = {}
    for case in cases("random", "one_positive", "adversarial"):
        qrels = Qrels({f"u{u}": {f"i{i}": g for i, g in relevant(user).items()} for u, user in enumerate(case["users"])})
        run = Run({f"u{u}": {f"i{i}": user["scores"][i] for i in candidates(user)} for u, user in enumerate(case["users"])})
        wanted = [f"{measure}@{k}" for measure in MEASURES for k in CUTOFFS]
        found = evaluate(qrels, run, wanted)
        values[case["name"]] = {f"{ours}@{k}": float(found[f"{measure}@{k}"]) for measure, ours in MEASURES.items() for k in CUTOFFS}
    write("ranx", ["ranx", "numba", "numpy"], values)


main()
