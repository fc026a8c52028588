"""Two towers in PyTorch, with each reader of histories, on given weights: the batch's loss, gradients, and scores.

Yi and others: Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations, RecSys 2019. A user's vector is its own and what reads
the likes before the like makes of them: a Linear of their mean; a Linear of their sum, weighed by the softmax of what a learned place says
of the tanh of another Linear; torch.nn.TransformerEncoder (norm_first, causal) with the learned place at the end. An item's vector is its own and the
mean of its features'. Each like meets the items of the batch, less the logarithm of their share of the likes, but for the items that its user likes, too.
Weights are transposed where our layout is the other way round.
"""

import json
import pathlib

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(13)
torch.set_default_dtype(torch.float64)
D, HEADS, BLOCKS, LENGTH, N_FEATURES = 4, 2, 2, 3, 3
# What each user liked, oldest first; the last user reads more than LENGTH.
LIKES = [[1, 4, 2], [3, 0], [5], [2, 0, 1, 3, 5]]
FEATURES = [[0], [0, 2], [1], [], [1, 2], [2]]
N_USERS, N_ITEMS = len(LIKES), len(FEATURES)


class Towers(nn.Module):
    def __init__(self, history, cosine, temperature):
        super().__init__()
        self.history, self.cosine, self.temperature = history, cosine, temperature
        table = lambda n: nn.Parameter(torch.randn(n, D))
        self.users, self.items, self.features = table(N_USERS), table(N_ITEMS), table(N_FEATURES)
        if history == "mean":
            self.mean = nn.Linear(D, D)
        if history in ("attention", "transformer"):
            self.token = nn.Parameter(torch.randn(1, D))
        if history == "attention":
            self.keys, self.values = nn.Linear(D, D), nn.Linear(D, D)
        if history == "transformer":
            self.positions = nn.Parameter(torch.randn(LENGTH + 1, D))
            layer = nn.TransformerEncoderLayer(D, HEADS, dim_feedforward=D, dropout=0.0, batch_first=True, norm_first=True)
            self.blocks = nn.TransformerEncoder(layer, BLOCKS, norm=nn.LayerNorm(D), enable_nested_tensor=False)
            for parameter in self.blocks.parameters():
                nn.init.normal_(parameter, std=0.5)

    def raw(self):
        """Vectors of items with their features."""
        mean = lambda own: self.features[own].mean(0) if own else torch.zeros(D)
        return self.items + torch.stack([mean(own) for own in FEATURES])

    def read(self, rows):
        """What is made of the vectors of a history."""
        if self.history == "mean":
            return self.mean(rows.mean(0) if len(rows) else torch.zeros(D))
        if self.history == "attention":
            shares = torch.softmax(torch.tanh(self.keys(rows)) @ self.token[0], 0)
            return self.values(shares @ rows)
        if self.history == "transformer":
            x = torch.cat([rows, self.token]) + self.positions[LENGTH - len(rows) :]
            hidden = torch.triu(torch.ones(len(x), len(x), dtype=torch.bool), diagonal=1)
            return self.blocks(x.unsqueeze(0), mask=hidden)[0, -1]
        return torch.zeros(D)

    def compared(self, vectors):
        return F.normalize(vectors, dim=-1) if self.cosine else vectors

    def user(self, user, liked):
        return self.users[user] + self.read(self.raw()[liked[-LENGTH:]])

    def loss(self):
        """The mean over all likes of a batch, each of them and nothing drawn."""
        likes = [(user, n) for user, liked in enumerate(LIKES) for n in range(len(liked))]
        states = self.compared(torch.stack([self.user(user, LIKES[user][:n]) for user, n in likes])) / self.temperature
        batch = torch.tensor([LIKES[user][n] for user, n in likes])
        shares = torch.bincount(batch, minlength=N_ITEMS) / len(batch)
        scores = states @ self.compared(self.raw())[batch].T - shares[batch].log()
        liked = torch.tensor([[item in LIKES[user] for item in batch.tolist()] for user, _ in likes])
        scores = scores.masked_fill(liked & ~torch.eye(len(batch), dtype=torch.bool), -torch.inf)
        return F.cross_entropy(scores, torch.arange(len(batch)))

    def ours(self, of):
        """Dense parameters, or their gradients, by the names and in the shapes of ours."""
        named = {}
        linear = lambda name, layer: named.update({f"{name}.weight": of(layer.weight).T, f"{name}.bias": of(layer.bias)})
        if self.history == "mean":
            linear("mean", self.mean)
        if self.history in ("attention", "transformer"):
            named["token"] = of(self.token)
        if self.history == "attention":
            linear("attention.keys", self.keys)
            linear("attention.values", self.values)
        if self.history == "transformer":
            named["positions"] = of(self.positions)
            for n, layer in enumerate(self.blocks.layers, 1):
                named[f"block{n}.attention.in.weight"] = of(layer.self_attn.in_proj_weight).T
                named[f"block{n}.attention.in.bias"] = of(layer.self_attn.in_proj_bias)
                linear(f"block{n}.attention.out", layer.self_attn.out_proj)
                linear(f"block{n}.forward1", layer.linear1)
                linear(f"block{n}.forward2", layer.linear2)
                for name, norm in (("norm1", layer.norm1), ("norm2", layer.norm2)):
                    named[f"block{n}.{name}.gain"], named[f"block{n}.{name}.bias"] = of(norm.weight), of(norm.bias)
            named["norm.gain"], named["norm.bias"] = of(self.blocks.norm.weight), of(self.blocks.norm.bias)
        return {name: dict(shape=list(value.shape), values=value.flatten().tolist()) for name, value in named.items()}


def case(history, cosine, temperature):
    model = Towers(history, cosine, temperature)
    loss = model.loss()
    loss.backward()
    tables = dict(users=model.users, items=model.items, features=model.features)
    users = model.compared(torch.stack([model.user(user, liked) for user, liked in enumerate(LIKES)]))
    return dict(
        params=dict(history=history, similarity="cosine" if cosine else "dot", temperature=temperature),
        dense=model.ours(lambda parameter: parameter.detach()), loss=loss.item(),
        scores=(users @ model.compared(model.raw()).T).flatten().tolist(),
        of_dense=model.ours(lambda parameter: parameter.grad),
        **{name: table.flatten().tolist() for name, table in tables.items()},
        **{f"of_{name}": table.grad.flatten().tolist() for name, table in tables.items()},
    )


out = dict(
    made_by=f"PyTorch {torch.__version__.split('+')[0]}, double precision", likes=LIKES, features_of_items=FEATURES, n_features=N_FEATURES,
    params=dict(factors=D, heads=HEADS, blocks=BLOCKS, history_length=LENGTH),
    cases=[case(history, cosine, 0.5 if cosine else 1.0) for history in ("none", "mean", "attention", "transformer") for cosine in (False, True)],
)
pathlib.Path(__file__).with_name("towers.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
