"""GMF, MLP and NeuMF in PyTorch, as their paper draws them, and NeuMF with attention to what the user liked: scores, losses and gradients on
given weights.

He, Liao, Zhang, Nie, Hu, Chua: Neural Collaborative Filtering, WWW 2017; attention is torch's scaled_dot_product_attention, the item asking. Layers are torch.nn.Linear over both vectors side by side; what
differs from our layout (weights transposed, the first layer in two halves) is rearranged when it is written.
"""

import json
import pathlib

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(7)
torch.set_default_dtype(torch.float64)
N_USERS, N_ITEMS, FACTORS, LAYERS, NEGATIVES, MARGIN = 4, 6, 3, [8, 5, 3], 2, 1.0
USERS = [0, 2, 3, 0]
ITEMS = [[1, 4, 5], [0, 2, 2], [3, 0, 1], [4, 1, 2]]
# What the user of each row liked, where it is read.
LIKED = [[0, 3], [5], [], [0, 2, 3, 5]]


class Pairs(nn.Module):
    def __init__(self, factors, layers, attends=False):
        super().__init__()
        self.factors, self.half = factors, layers[0] // 2 if layers else 0
        self.users = nn.Parameter(torch.randn(N_USERS, factors + self.half))
        self.items = nn.Parameter(torch.randn(N_ITEMS, factors + self.half))
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in zip(layers, layers[1:]))
        self.output = nn.Linear(factors + (layers[-1] if layers else 0), 1)
        self.attention = nn.ParameterDict()
        if attends:
            for part, width in (("factors", self.factors), ("layers", self.half)):
                for what in ("query", "key", "value"):
                    self.attention[f"{part}:{what}"] = nn.Parameter(torch.randn(width, width))

    def read(self, row, items):
        """What of a row's history fits each of its items."""
        if not LIKED[row]:
            return torch.zeros(len(items), self.factors + self.half)
        found, start = [], 0
        for part, width in (("factors", self.factors), ("layers", self.half)):
            vectors = self.items[:, start : start + width]
            turned = lambda what, rows: vectors[rows] @ self.attention[f"{part}:{what}"]
            liked = torch.tensor(LIKED[row])
            found.append(F.scaled_dot_product_attention(turned("query", items), turned("key", liked), turned("value", liked)))
            start += width
        return torch.cat(found, -1)

    def forward(self, users, items):
        p, q = self.users[users].unsqueeze(1).expand(-1, items.shape[1], -1), self.items[items]
        if self.attention:
            p = p + torch.stack([self.read(row, asked) for row, asked in enumerate(items)])
        parts = []
        if self.factors:
            parts.append(p[..., : self.factors] * q[..., : self.factors])
        if self.half:
            x = torch.cat([p[..., self.factors :], q[..., self.factors :]], -1)
            for layer in self.hidden:
                x = F.relu(layer(x))
            parts.append(x)
        return self.output(torch.cat(parts, -1)).squeeze(-1)

    def ours(self, of):
        """Parameters, or their gradients, by the names and in the shapes of ours."""
        named = {}
        if self.half:
            first = of(self.hidden[0].weight)
            named["layer1.user"], named["layer1.item"] = first[:, : self.half].T, first[:, self.half :].T
            named["layer1.bias"] = of(self.hidden[0].bias)
            for n, layer in enumerate(self.hidden[1:], 2):
                named[f"layer{n}.weight"], named[f"layer{n}.bias"] = of(layer.weight).T, of(layer.bias)
        weight = of(self.output.weight).T
        factors = "output.factors" if self.half else "output.weight"
        if self.factors:
            named[factors] = weight[: self.factors]
        if self.half:
            named["output.weight"] = weight[self.factors :]
        named["output.bias"] = of(self.output.bias)
        for name, parameter in self.attention.items():
            named[name.replace(":", ".")] = of(parameter)
        return {name: dict(shape=list(value.shape), values=value.flatten().tolist()) for name, value in named.items()}


def losses(scores):
    own, drawn = scores[:, :1], scores[:, 1:]
    wanted = torch.zeros_like(scores)
    wanted[:, 0] = 1
    return {
        "bce": F.binary_cross_entropy_with_logits(scores, wanted, reduction="none").mean(1),
        "bpr": -F.logsigmoid(own - drawn).mean(1),
        "hinge": F.relu(MARGIN - (own - drawn)).mean(1),
        "mse": ((scores - wanted) ** 2).mean(1),
        "softmax": F.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long), reduction="none"),
    }


def case(factors, layers, attends=False):
    model = Pairs(factors, layers, attends)
    users, items = torch.tensor(USERS), torch.tensor(ITEMS)
    scores = model(users, items)
    plain = lambda value: value.detach()
    found = {}
    for name, rows in losses(scores).items():
        model.zero_grad()
        rows.mean().backward(retain_graph=True)
        found[name] = dict(
            loss=rows.mean().item(), users=model.users.grad.flatten().tolist(), items=model.items.grad.flatten().tolist(),
            dense=model.ours(lambda parameter: parameter.grad),
        )
    return dict(
        users=model.users.flatten().tolist(), items=model.items.flatten().tolist(), dense=model.ours(plain),
        scores=scores.flatten().tolist(), losses=found,
    )


out = dict(
    made_by=f"PyTorch {torch.__version__.split('+')[0]}, double precision", rows=dict(users=USERS, items=ITEMS, liked=LIKED), factors=FACTORS,
    mlp_layers=LAYERS, n_users=N_USERS, n_items=N_ITEMS,
    models=dict(gmf=case(FACTORS, []), mlp=case(0, LAYERS), neumf=case(FACTORS, LAYERS), neumf_attention=case(FACTORS, LAYERS, attends=True)),
)
pathlib.Path(__file__).with_name("pairs.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
