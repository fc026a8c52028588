"""The cases that every program answers: who scores what, what was held out, what was known before.

    python golden/dialects/cases.py          # writes cases.json beside this file; needs nothing but Python

A case is a small world. Scores are multiples of 1/1024, so that they are the same numbers in single and double precision;
they are distinct but in the case `tied`. `hidden` items are never candidates, `relevant` are held-out items with a grade of 1
to 5, and an item may be both. Every user of a case has a held-out item. `others` are people whom nobody asks: the items that each
met before.
"""

import json
import random
from pathlib import Path

CUTOFFS = [1, 3, 5, 10, 20]


def user(rng, n_items, n_relevant, n_hidden=0, levels=None):
    if levels is None:
        scores = rng.sample(range(-4000, 4000), n_items)
    else:
        scores = [rng.randrange(levels) for _ in range(n_items)]
    hidden = sorted(rng.sample(range(n_items), n_hidden))
    free = [item for item in range(n_items) if item not in hidden]
    relevant = rng.sample(free, n_relevant)
    return {
        "scores": [score / 1024 for score in scores],
        "hidden": hidden,
        "relevant": {str(item): rng.randint(1, 5) for item in sorted(relevant)},
    }


def case(name, n_items, users, others=()):
    """Train is what is hidden, which is what a user met before, and what others met."""
    return {"name": name, "n_items": n_items, "users": users} | ({"others": list(others)} if others else {})


def adversarial(rng):
    n = 30
    first, last, all_of_them, many, graded = (user(rng, n, 1) for _ in range(5))
    order = sorted(range(n), key=lambda item: -first["scores"][item])
    first["relevant"] = {str(order[0]): 3}
    order = sorted(range(n), key=lambda item: -last["scores"][item])
    last["relevant"] = {str(order[-1]): 1}
    all_of_them["relevant"] = {str(item): 1 + item % 5 for item in range(n - 1)}
    many["relevant"] = {str(item): 5 for item in rng.sample(range(n), 25)}
    # The worst of the relevant stands first.
    order = sorted(range(n), key=lambda item: -graded["scores"][item])
    graded["relevant"] = {str(order[0]): 1, str(order[1]): 5, str(order[20]): 5}
    missed = user(rng, n, 2)
    order = sorted(range(n), key=lambda item: -missed["scores"][item])
    missed["relevant"] = {str(order[25]): 2, str(order[29]): 4}
    return [first, last, all_of_them, many, graded, missed]


def others():
    """One item is met by everybody, many by equally many, and the last six by nobody."""
    return [[item for item in range(24) if item % (n + 1) == 0] for n in range(8)]


def main():
    rng = random.Random(20251128)
    cases = [
        case("random", 60, [user(rng, 60, rng.randint(1, 8), rng.randint(0, 12)) for _ in range(40)]),
        case("one_positive", 100, [user(rng, 100, 1, 5) for _ in range(40)]),
        case("adversarial", 30, adversarial(rng), others()),
        case("tied", 40, [user(rng, 40, rng.randint(1, 6), rng.randint(0, 6), levels=6) for _ in range(30)]),
    ]
    path = Path(__file__).parent / "cases.json"
    path.write_text(json.dumps({"cutoffs": CUTOFFS, "cases": cases}, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
