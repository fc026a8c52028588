"""A fully connected network of ratings in PyTorch: predictions, loss and gradients on given weights.

Embedding layers of users and items, the mean of the embeddings of an item's features (torch.nn.EmbeddingBag), dense layers over the three side
by side, and one output. Ratings are standardised; the network's output is in standard deviations from their mean. What differs from our layout
(weights transposed, the first layer in three parts) is rearranged when it is written.
"""

import json
import pathlib

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(7)
torch.set_default_dtype(torch.float64)
N_USERS, LAYERS = 4, [6, 5, 4]
FEATURES = [[0, 1], [1], [], [0, 2], [2]]
RATINGS = [(0, 0, 5.0), (0, 1, 3.0), (1, 0, 4.0), (1, 2, 1.0), (1, 4, 2.5), (2, 3, 4.5), (3, 1, 2.0), (3, 3, 3.5), (3, 4, 1.0)]


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        half, n_features = LAYERS[0] // 2, 1 + max(max(row) for row in FEATURES if row)
        self.users = nn.Embedding(N_USERS, half)
        self.items = nn.Embedding(len(FEATURES), half)
        self.features = nn.EmbeddingBag(n_features, half, mode="mean")
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in zip([3 * half, *LAYERS[1:]], LAYERS[1:]))
        self.output = nn.Linear(LAYERS[-1], 1)

    def forward(self, users, items):
        bags = [FEATURES[item] for item in items]
        offsets = torch.tensor([0, *torch.tensor([len(bag) for bag in bags]).cumsum(0)[:-1].tolist()])
        features = self.features(torch.tensor([f for bag in bags for f in bag]), offsets)
        x = torch.cat([self.users(torch.tensor(users)), self.items(torch.tensor(items)), features], -1)
        for layer in self.hidden:
            x = F.relu(layer(x))
        return self.output(x).squeeze(-1)

    def ours(self, of):
        """Dense parameters, or their gradients, by the names and in the shapes of ours."""
        half, named = LAYERS[0] // 2, {}
        first = of(self.hidden[0].weight)
        for n, part in enumerate(["user", "item", "features"]):
            named[f"layer1.{part}"] = first[:, n * half : (n + 1) * half].T
        named["layer1.bias"] = of(self.hidden[0].bias)
        for n, layer in enumerate(self.hidden[1:], 2):
            named[f"layer{n}.weight"], named[f"layer{n}.bias"] = of(layer.weight).T, of(layer.bias)
        named["output.weight"], named["output.bias"] = of(self.output.weight).T, of(self.output.bias)
        return {name: dict(shape=list(value.shape), values=value.flatten().tolist()) for name, value in named.items()}


model = Network()
users, items, ratings = ([row[n] for row in RATINGS] for n in range(3))
ratings = torch.tensor(ratings)
mean, deviation = ratings.mean(), ratings.std(correction=0)
loss = F.mse_loss(model(users, items), (ratings - mean) / deviation)
loss.backward()
every = range(len(FEATURES))
out = dict(
    made_by=f"PyTorch {torch.__version__.split('+')[0]}, double precision", n_users=N_USERS, features=FEATURES, ratings=RATINGS,
    params=dict(mlp_layers=LAYERS, clip=False),
    users=model.users.weight.flatten().tolist(), items=model.items.weight.flatten().tolist(),
    vectors=model.features.weight.flatten().tolist(), dense=model.ours(lambda parameter: parameter.detach()),
    loss=loss.item(),
    predicted=[(mean + deviation * model([user] * len(every), list(every))).tolist() for user in range(N_USERS)],
    gradients=dict(
        users=model.users.weight.grad.flatten().tolist(), items=model.items.weight.grad.flatten().tolist(),
        vectors=model.features.weight.grad.flatten().tolist(), dense=model.ours(lambda parameter: parameter.grad),
    ),
)
pathlib.Path(__file__).with_name("fcnn.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
