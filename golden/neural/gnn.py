"""A graph network over likes in PyTorch, with three ways of listening: scores, loss and gradients on given weights.

Hamilton, Ying, Leskovec: Inductive Representation Learning on Large Graphs, NIPS 2017 (mean); Kipf, Welling: Semi-Supervised Classification
with Graph Convolutional Networks, ICLR 2017 (sum); Veličković and others: Graph Attention Networks, ICLR 2018 (attention, one head, slope .2).
Dense matrices, no dropout; items carry the mean of the vectors of their features; the answer is the mean of all layers.
"""

import json
import pathlib

import torch
from torch.nn import functional as F

torch.manual_seed(17)
torch.set_default_dtype(torch.float64)
LIKES = [[0, 2, 4], [1], [1, 2, 3], [0, 3]]
FEATURES = [[0], [0, 1], [], [1], [0, 1], [1]]
FACTORS, LAYERS, L2 = 3, 2, 0.1
# Item 5 is nobody's.
SAMPLES = [[0, 2, 5], [1, 1, 3], [2, 1, 4], [3, 0, 2], [0, 2, 1]]
n_users, n_items = len(LIKES), len(FEATURES)
n = n_users + n_items
edges = torch.zeros(n, n)
for user, items in enumerate(LIKES):
    for item in items:
        edges[user, n_users + item] = edges[n_users + item, user] = 1
degrees = edges.sum(1).clamp(min=1)
has = torch.zeros(n_items, 2)
for item, features in enumerate(FEATURES):
    for feature in features:
        has[item, feature] = 1 / len(features)


def heard(aggregation, h, attention):
    if aggregation == "mean":
        return edges / degrees[:, None] @ h
    if aggregation == "sum":
        return edges / (degrees[:, None] * degrees).sqrt() @ h
    scores = F.leaky_relu((h @ attention[0])[:, None] + h @ attention[1], 0.2)
    weights = torch.softmax(scores.masked_fill(edges == 0, float("-inf")), 1)
    # Who hears nobody hears nothing.
    return weights.nan_to_num(0.0) @ h


def case(aggregation):
    shapes = {"base": (n, FACTORS), "features": (2, FACTORS)}
    for k in range(LAYERS):
        shapes |= {f"layer{k}.own": (FACTORS, FACTORS), f"layer{k}.heard": (FACTORS, FACTORS), f"layer{k}.bias": (1, FACTORS)}
        if aggregation == "attention":
            shapes[f"layer{k}.attention"] = (2, FACTORS)
    weights = {name: torch.randn(shape) * 0.7 for name, shape in shapes.items()}
    for weight in weights.values():
        weight.requires_grad_()
    base = weights["base"]
    h = torch.cat([base[:n_users], base[n_users:] + has @ weights["features"]])
    layers = [h]
    for k in range(LAYERS):
        said = heard(aggregation, h, weights.get(f"layer{k}.attention"))
        h = F.leaky_relu(h @ weights[f"layer{k}.own"] + said @ weights[f"layer{k}.heard"] + weights[f"layer{k}.bias"], 0.2)
        layers.append(h)
    answers = torch.stack(layers).mean(0)
    users, items = answers[:n_users], answers[n_users:]
    u, i, j = torch.tensor(SAMPLES).T
    apart = (users[u] * (items[i] - items[j])).sum(1)
    squares = sum((rows**2).sum(1) for rows in (base[u], base[n_users + i], base[n_users + j]))
    loss = (-F.logsigmoid(apart) + L2 / 2 * squares).mean()
    loss.backward()
    numbers = lambda of: {name: of(weight).flatten().tolist() for name, weight in weights.items()}
    return dict(
        weights=numbers(lambda weight: weight.detach()), scores=(users @ items.T).flatten().tolist(), loss=loss.item(),
        gradients=numbers(lambda weight: weight.grad),
    )


out = dict(
    made_by=f"PyTorch {torch.__version__.split('+')[0]}, double precision", likes=LIKES, features=FEATURES, factors=FACTORS, layers=LAYERS,
    samples=SAMPLES, l2=L2, cases={aggregation: case(aggregation) for aggregation in ("mean", "sum", "attention")},
)
pathlib.Path(__file__).with_name("gnn.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
