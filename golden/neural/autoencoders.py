"""Mult-VAE and Mult-DAE in PyTorch, as their paper draws them: logits, loss and gradients on given weights.

Liang, Krishnan, Hoffman, Jebara: Variational Autoencoders for Collaborative Filtering, WWW 2018. Layers are torch.nn.Linear over rows of
all items; which inputs are left out and the noise of the codes are given. What differs from our layout (weights transposed, the bias of
a layer as its last row, that of the last table as its last column) is rearranged when it is written.
"""

import json
import pathlib

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(11)
torch.set_default_dtype(torch.float64)
N_ITEMS, LATENT, DROPOUT, ANNEAL = 7, 3, 0.5, 0.3
LIKED = [[0, 2, 5], [1], [2, 3, 4, 6], [0, 1, 2, 3, 6]]
# What of it the encoder sees: of the second nothing is left.
KEPT = [[0, 5], [], [3, 4, 6], [1, 2]]


class Net(nn.Module):
    def __init__(self, hidden, back, variational):
        super().__init__()
        self.variational = variational
        code = 2 * LATENT if variational else LATENT
        widths = [N_ITEMS, *hidden, code]
        self.encoder = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        widths = [LATENT, *back, N_ITEMS]
        self.decoder = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn_like(parameter) * 0.5)

    def forward(self, x, noise):
        for n, layer in enumerate(self.encoder):
            x = layer(x)
            if n + 1 < len(self.encoder) or not self.variational:
                x = torch.tanh(x)
        kl = torch.zeros(len(x))
        if self.variational:
            mean, log_variance = x.chunk(2, 1)
            kl = 0.5 * (log_variance.exp() - log_variance + mean**2 - 1).sum(1)
            x = mean + noise * torch.exp(0.5 * log_variance)
        for n, layer in enumerate(self.decoder):
            x = layer(x)
            if n + 1 < len(self.decoder):
                x = torch.tanh(x)
        return x, kl

    def ours(self, of):
        """Parameters, or their gradients, by the names and in the shapes of ours."""
        row = lambda layer: torch.cat([of(layer.weight).T, of(layer.bias)[None]])
        named = {"table": of(self.encoder[0].weight).T, "layer0": of(self.encoder[0].bias)[None]}
        for n, layer in enumerate([*self.encoder[1:], *self.decoder[:-1]], 1):
            named[f"layer{n}"] = row(layer)
        named["output"] = torch.cat([of(self.decoder[-1].weight), of(self.decoder[-1].bias)[:, None]], 1)
        return {name: dict(shape=list(value.shape), values=value.flatten().tolist()) for name, value in named.items()}


def rows(items, value):
    x = torch.zeros(len(items), N_ITEMS)
    for row, of in enumerate(items):
        for item in of:
            x[row, item] = value(row)
    return x


def case(hidden, back, variational):
    net = Net(hidden, reversed(hidden) if back is None else back, variational)
    noise = torch.randn(len(LIKED), LATENT) if variational else torch.zeros(0)
    x = rows(KEPT, lambda row: 1 / (len(LIKED[row]) ** 0.5 * (1 - DROPOUT)))
    scores, kl = net(x, noise)
    likelihood = (F.log_softmax(scores, 1) * rows(LIKED, lambda _: 1.0)).sum(1)
    loss = (-likelihood + ANNEAL * kl).mean()
    loss.backward()
    whole = rows(LIKED, lambda row: 1 / len(LIKED[row]) ** 0.5)
    with torch.no_grad():
        answers, _ = net(whole, torch.zeros(len(LIKED), LATENT))
    return dict(
        hidden_dims=hidden, decoder_dims=back, noise=noise.flatten().tolist(), weights=net.ours(lambda parameter: parameter.detach()), loss=loss.item(),
        gradients=net.ours(lambda parameter: parameter.grad), answers=answers.flatten().tolist(),
    )


cases = lambda variational: [case(hidden, back, variational) for hidden, back in (([], None), ([5], None), ([6, 4], None), ([5], []))]
out = dict(
    made_by=f"PyTorch {torch.__version__.split('+')[0]}, double precision", n_items=N_ITEMS, latent_dim=LATENT, dropout=DROPOUT,
    anneal=ANNEAL, liked=LIKED, kept=KEPT, models=dict(multi_vae=cases(True), multi_dae=cases(False)),
)
pathlib.Path(__file__).with_name("autoencoders.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
