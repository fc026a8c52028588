"""trec_eval through pytrec_eval. Document ids are i00, i01, ...; users are queries."""

import pytrec_eval
from common import CUTOFFS, candidates, cases, lists, relevant, write

MEASURES = {"P": "precision", "recall": "recall", "success": "hr", "ndcg_cut": "ndcg", "map_cut": "map"}


def answers(qrels, run, cutoffs):
    ks = ",".join(map(str, cutoffs))
    wanted = {f"{measure}.{ks}" for measure in MEASURES} | {"map", "recip_rank"}
    per_query = pytrec_eval.RelevanceEvaluator(qrels, wanted).evaluate(run)
    mean = lambda name: sum(values[name] for values in per_query.values()) / len(per_query)
    found = {f"{ours}@{k}": mean(f"{measure}_{k}") for measure, ours in MEASURES.items() for k in cutoffs}
    return found | {"map_uncut": mean("map"), "mrr": mean("recip_rank")}


def main():
    values = {}
    for case in cases("random", "one_positive", "adversarial", "tied"):
        qrels = {f"u{u}": {f"i{i:02}": g for i, g in relevant(user).items()} for u, user in enumerate(case["users"])}
        run = {f"u{u}": {f"i{i:02}": user["scores"][i] for i in candidates(user)} for u, user in enumerate(case["users"])}
        values[case["name"]] = answers(qrels, run, CUTOFFS)
    write("trec_eval", ["pytrec_eval-terrier", "numpy"], values)
    cutoffs, files = lists()
    values = {name: answers(qrels, run, cutoffs) for name, (run, qrels) in files.items()}
    write("trec_eval_lists", ["pytrec_eval-terrier", "numpy"], values)


main()
