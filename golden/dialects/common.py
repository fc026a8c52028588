"""What the programs of this folder share: reading the cases, and writing a program's answers beside them."""

import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
DATA = json.loads((HERE / "cases.json").read_text())
CUTOFFS = DATA["cutoffs"]


def cases(*names):
    return [case for case in DATA["cases"] if case["name"] in names]


def candidates(user):
    return [item for item in range(len(user["scores"])) if item not in user["hidden"]]


def ranked(user):
    """The candidates, best first; of equal scores, the lower index."""
    return sorted(candidates(user), key=lambda item: -user["scores"][item])


def by_index(case):
    """The name of a case whose lists are in the order of `ranked`: of equal scores the lower index stands first."""
    return "tied_by_index" if case["name"] == "tied" else case["name"]


def ratings(case):
    """(given, predicted) of every held-out item of every user."""
    return [(grade, user["scores"][item]) for user in case["users"] for item, grade in relevant(user).items()]


def relevant(user):
    return {int(item): grade for item, grade in user["relevant"].items()}


def hidden(case):
    """(user, item) of what those who are asked met before."""
    return [(u, item) for u, user in enumerate(case["users"]) for item in user["hidden"]]


def train(case):
    """(user, item) of what anybody met before; whom nobody asks stands after those who are."""
    others = enumerate(case.get("others", []), len(case["users"]))
    return hidden(case) + [(u, item) for u, items in others for item in items]


def lists():
    """(cut-offs, {case: (run, qrels)}) of lists.json, read as the files are: {query: {document: number}} in the order of rows."""
    data = json.loads((HERE / "lists.json").read_text())
    def read(text, at, number):
        found = {}
        for line in text.splitlines():
            fields = line.split()
            found.setdefault(fields[0], {})[fields[2]] = number(fields[at])
        return found
    return data["cutoffs"], {name: (read(c["run"], 4, float), read(c["qrels"], 3, int)) for name, c in data["cases"].items()}


def write(program, packages, values, note=None):
    """values: {case: {metric as Segue names it: number over all users of the case}}."""
    made = {"python": platform.python_version(), **{name: version(name) for name in packages}}
    if note:
        made["note"] = note
    text = json.dumps({"made_with": made, "values": values}, indent=1)
    (HERE / f"{program}.json").write_text(text + "\n")
    print(f"{program}: {sum(len(v) for v in values.values())} values", file=sys.stderr)
