"""Runs and qrels that programs read apart from each other: the text of files as TREC has them.

    python golden/dialects/lists.py          # writes lists.json beside this file; needs nothing but Python

Queries that only one of the files has, queries without relevant documents, negative grades, tied scores in lists short and long (a
sort may move equals about where it does not insert them), scores that differ in the last bits of a double.
"""

import json
import random
from pathlib import Path


def texts(run, qrels):
    """run: {query: [(document, score)]} in the order of rows; qrels: {query: {document: grade}}."""
    rows = [f"{q} Q0 {d} {n} {s!r} x" for q, found in run.items() for n, (d, s) in enumerate(found, 1)]
    judged = [f"{q} 0 {d} {g}" for q, grades in qrels.items() for d, g in grades.items()]
    return {"run": "\n".join(rows) + "\n", "qrels": "\n".join(judged) + "\n"}


def drawn(rng, n_queries, n_documents, levels):
    """Rows in no order, ids of several lengths."""
    run, qrels = {}, {}
    for q in range(n_queries):
        documents = [f"d{i * i % 997}_{i}" for i in range(n_documents)]
        rng.shuffle(documents)
        run[f"q{q}"] = [(d, float(rng.randrange(levels)) / 8) for d in documents]
        qrels[f"q{q}"] = {d: rng.choice((1, 1, 2, 3)) for d in rng.sample(documents, min(6, n_documents))}
        qrels[f"q{q}"]["elsewhere"] = 1
    return run, qrels


def without(files, lost=(), other=(), empty=()):
    run, qrels = files
    run = {q: found for q, found in run.items() if q not in lost}
    run |= {q: [("d1", 1.0)] for q in other}
    qrels = {q: ({d: 0 for d in grades} if q in empty else grades) for q, grades in qrels.items()}
    return run, qrels


def main():
    rng = random.Random(20261130)
    one = {"a": [("d1", 1.0)], "b": [("d1", 1.0)]}, {"a": {"d1": 1}, "b": {"d1": 1}}
    cases = {
        "one_is_not_in_the_run": without(one, lost=["b"]),
        "one_has_nothing_to_find": without(one, empty=["b"]),
        "two_are_tied": ({"a": [("d1", 1.0), ("d2", 1.0)]}, {"a": {"d1": 1}}),
        "nearly_tied": ({"a": [("d1", 1.0), ("d2", 1.0 + 2**-40)], "b": [("d2", 1.0), ("d1", 1.0 + 2**-40)]},
                        {"a": {"d2": 1}, "b": {"d1": 2}}),
        "negative": ({"a": [("d1", 2.0), ("d2", 1.0)]}, {"a": {"d1": -1, "d2": 2}}),
        "short_ties": drawn(rng, 20, 12, 3),
        "long_ties": drawn(rng, 12, 90, 4),
        "very_long_ties": drawn(rng, 2, 500, 5),
        "all_tied": drawn(rng, 4, 60, 1),
        "many": without(drawn(rng, 200, 20, 1000), [f"q{n}" for n in range(0, 200, 17)], ["x", "y"], [f"q{n}" for n in range(5, 200, 19)]),
    }
    path = Path(__file__).parent / "lists.json"
    path.write_text(json.dumps({"cutoffs": [1, 3, 10, 30], "cases": {name: texts(*files) for name, files in cases.items()}}) + "\n")


if __name__ == "__main__":
    main()
