"""Elliot's metrics, by its own classes. It is on no package index: ELLIOT names a checkout of
https://github.com/sisinflab/elliot at fc27efedaddf4a57294db14b4bcaa5553a0015d2, of which `elliot/evaluation` is read.

It measures lists as they come and says nothing of ties: of `tied` it is handed those with the lower index first.
"""

import os
import subprocess
import sys
import types
from pathlib import Path
from types import SimpleNamespace

from common import CUTOFFS, by_index, cases, ranked, relevant, write

CHECKOUT, COMMIT = Path(os.environ["ELLIOT"]), "fc27efedaddf4a57294db14b4bcaa5553a0015d2"
head = subprocess.run(["git", "-C", CHECKOUT, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
if head != COMMIT:
    sys.exit(f"{CHECKOUT} is at {head}, not at {COMMIT}")
# Packages whose own __init__ would load all of Elliot become plain folders.
for name in ("elliot", "elliot.evaluation", "elliot.evaluation.metrics", *(
    f"elliot.evaluation.metrics.{family}" for family in ("accuracy", "coverage", "diversity")
)):
    module = types.ModuleType(name)
    module.__path__ = [str(CHECKOUT / name.replace(".", "/"))]
    sys.modules[name] = module

from elliot.evaluation.metrics.accuracy.f1.f1 import F1  # noqa: E402
from elliot.evaluation.metrics.accuracy.hit_rate.hit_rate import HR  # noqa: E402
from elliot.evaluation.metrics.accuracy.map.map import MAP  # noqa: E402
from elliot.evaluation.metrics.accuracy.mrr.mrr import MRR  # noqa: E402
from elliot.evaluation.metrics.accuracy.ndcg.ndcg import nDCG as NDCG  # noqa: E402
from elliot.evaluation.metrics.accuracy.precision.precision import Precision  # noqa: E402
from elliot.evaluation.metrics.accuracy.recall.recall import Recall  # noqa: E402
from elliot.evaluation.metrics.coverage.item_coverage.item_coverage import ItemCoverage  # noqa: E402
from elliot.evaluation.metrics.diversity.gini_index.gini_index import GiniIndex  # noqa: E402
from elliot.evaluation.metrics.diversity.shannon_entropy.shannon_entropy import ShannonEntropy  # noqa: E402
from elliot.evaluation.relevance.relevance import Relevance  # noqa: E402

MEASURES = {
    "precision": Precision, "recall": Recall, "f1": F1, "hr": HR, "map": MAP, "mrr": MRR, "ndcg": NDCG,
    "coverage": ItemCoverage, "gini": GiniIndex, "entropy": ShannonEntropy,
}


def main():
    values = {}
    for case in cases("random", "one_positive", "adversarial", "tied"):
        held = {u: relevant(user) for u, user in enumerate(case["users"])}
        lists = {u: [(item, user["scores"][item]) for item in ranked(user)] for u, user in enumerate(case["users"])}
        found = values[by_index(case)] = {}
        for k in CUTOFFS:
            # 0 is its default threshold.
            objects = SimpleNamespace(cutoff=k, relevance=Relevance(held, 0), num_items=case["n_items"])
            for name, metric in MEASURES.items():
                # A metric counts again each time it is asked.
                found[f"{name}@{k}"] = float(metric(lists, None, None, objects).eval())
    write("elliot", ["numpy"], values, note=f"elliot at {COMMIT}")


main()
