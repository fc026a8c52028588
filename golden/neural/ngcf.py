"""NGCF in PyTorch, as equation 7 of its paper and its authors' program have it: scores, loss and gradients on given weights.

Wang, He, Wang, Feng, Chua: Neural Graph Collaborative Filtering, SIGIR 2019. Dense matrices, no dropout; from the program
(https://github.com/xiangwang1223/neural_graph_collaborative_filtering) come the slope .2, the length 1 of each layer's rows before they are
put side by side, and the penalty on the vectors of a sample.
"""

import json
import pathlib

import torch
from torch.nn import functional as F

torch.manual_seed(13)
torch.set_default_dtype(torch.float64)
LIKES = [[0, 2, 4], [1], [1, 2, 3], [0, 3]]
N_ITEMS, L2 = 6, 0.1
# Item 5 is nobody's.
SAMPLES = [[0, 2, 5], [1, 1, 3], [2, 1, 4], [3, 0, 2], [0, 2, 1]]
n_users = len(LIKES)
n = n_users + N_ITEMS
adjacency = torch.zeros(n, n)
for user, items in enumerate(LIKES):
    for item in items:
        adjacency[user, n_users + item] = adjacency[n_users + item, user] = 1
roots = adjacency.sum(1).clamp(min=1).sqrt()
adjacency = adjacency / roots[:, None] / roots


def case(widths):
    weights = {"base": torch.randn(n, widths[0])}
    for k, (before, behind) in enumerate(zip(widths, widths[1:])):
        weights[f"layer{k}.sum"] = torch.randn(before, behind) * 0.5
        weights[f"layer{k}.product"] = torch.randn(before, behind) * 0.5
    for weight in weights.values():
        weight.requires_grad_()
    x = weights["base"]
    layers = [x]
    for k in range(len(widths) - 1):
        heard = adjacency @ x
        x = F.leaky_relu((heard + x) @ weights[f"layer{k}.sum"] + (heard * x) @ weights[f"layer{k}.product"], 0.2)
        layers.append(F.normalize(x, dim=1))
    all_layers = torch.cat(layers, 1)
    users, items = all_layers[:n_users], all_layers[n_users:]
    u, i, j = torch.tensor(SAMPLES).T
    apart = (users[u] * (items[i] - items[j])).sum(1)
    base = weights["base"]
    squares = sum((rows**2).sum(1) for rows in (base[u], base[n_users + i], base[n_users + j]))
    loss = (-F.logsigmoid(apart) + L2 / 2 * squares).mean()
    loss.backward()
    numbers = lambda of: {name: of(weight).flatten().tolist() for name, weight in weights.items()}
    return dict(
        widths=widths, weights=numbers(lambda weight: weight.detach()), scores=(users @ items.T).flatten().tolist(), loss=loss.item(),
        gradients=numbers(lambda weight: weight.grad),
    )


out = dict(
    made_by=f"PyTorch {torch.__version__.split('+')[0]}, double precision", likes=LIKES, n_items=N_ITEMS, samples=SAMPLES, l2=L2,
    cases=[case(widths) for widths in ([3], [3, 4], [4, 3, 2, 5])],
)
pathlib.Path(__file__).with_name("ngcf.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
