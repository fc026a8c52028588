"""What scripts of leave-one-out papers report: the mean over users of each metric, and F1 of the mean precision and recall.

Such scripts are no package that could be pinned, each paper has its own; this is their definition, without a line in common with
Segue. They measure lists as they come: of `tied`, with the lower index first.
"""

import math

from common import CUTOFFS, by_index, cases, ranked, relevant, write


def main():
    values = {}
    for case in cases("random", "one_positive", "adversarial", "tied"):
        found = {}
        for k in CUTOFFS:
            rows = []
            for user in case["users"]:
                wanted = relevant(user)
                hits = [item in wanted for item in ranked(user)[:k]]
                n, most = sum(hits), min(k, len(wanted))
                ideal = sum(1 / math.log2(n + 2) for n in range(most))
                precisions = [sum(hits[: n + 1]) / (n + 1) for n, hit in enumerate(hits) if hit]
                ndcg = sum(1 / math.log2(n + 2) for n, hit in enumerate(hits) if hit) / ideal
                rows.append((n / k, n / len(wanted), float(n > 0), ndcg, sum(precisions) / most))
            precision, recall, hr, ndcg, ap = (sum(column) / len(rows) for column in zip(*rows))
            f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
            found |= {
                f"precision@{k}": precision, f"recall@{k}": recall, f"hr@{k}": hr, f"ndcg@{k}": ndcg, f"map@{k}": ap,
                f"f1@{k}": f1,
            }
        values[by_index(case)] = found
    write("seed", [], values)


main()
