"""SASRec in PyTorch, in both variants, on given weights: states, the loss over all items, gradients.

Kang, McAuley: Self-Attentive Sequential Recommendation, ICDM 2018. `paper` scales items by the root of their width and is torch.nn.TransformerEncoder with norm_first over each
sequence alone; `s1` norms what leaves a layer and fills every sequence up from the left with zero vectors, to which real places attend.
Weights are transposed where our layout is the other way round.
"""

import json
import pathlib

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(11)
torch.set_default_dtype(torch.float64)
N_ITEMS, D, LENGTH, BLOCKS, HEADS = 7, 6, 5, 2, 2
SEQUENCES = [[1, 4, 2, 6, 0], [3, 5], [2, 2, 1, 0]]


class SasRec(nn.Module):
    def __init__(self, norm_first):
        super().__init__()
        self.items = nn.Parameter(torch.randn(N_ITEMS, D))
        self.positions = nn.Parameter(torch.randn(LENGTH, D))
        layer = nn.TransformerEncoderLayer(D, HEADS, dim_feedforward=D, dropout=0.0, batch_first=True, norm_first=norm_first)
        self.blocks = nn.TransformerEncoder(layer, BLOCKS, norm=nn.LayerNorm(D), enable_nested_tensor=False)
        for parameter in self.blocks.parameters():
            nn.init.normal_(parameter, std=0.5)
        self.padded = not norm_first

    def forward(self, read):
        """The states after each item of a sequence."""
        n = LENGTH if self.padded else len(read)
        scale = 1.0 if self.padded else D**0.5
        x = F.pad(scale * self.items[read], (0, 0, n - len(read), 0)) + self.positions[LENGTH - n :]
        hidden = torch.triu(torch.ones(n, n, dtype=torch.bool), diagonal=1)
        return self.blocks(x.unsqueeze(0), mask=hidden)[0, n - len(read) :]

    def ours(self, of):
        """Parameters, or their gradients, by the names and in the shapes of ours."""
        named = {"positions": of(self.positions)}
        for n, layer in enumerate(self.blocks.layers, 1):
            linears = {
                "attention.in": (layer.self_attn.in_proj_weight, layer.self_attn.in_proj_bias),
                "attention.out": (layer.self_attn.out_proj.weight, layer.self_attn.out_proj.bias),
                "forward1": (layer.linear1.weight, layer.linear1.bias),
                "forward2": (layer.linear2.weight, layer.linear2.bias),
            }
            for name, (weight, bias) in linears.items():
                named[f"block{n}.{name}.weight"], named[f"block{n}.{name}.bias"] = of(weight).T, of(bias)
            for name, norm in (("norm1", layer.norm1), ("norm2", layer.norm2)):
                named[f"block{n}.{name}.gain"], named[f"block{n}.{name}.bias"] = of(norm.weight), of(norm.bias)
        named["norm.gain"], named["norm.bias"] = of(self.blocks.norm.weight), of(self.blocks.norm.bias)
        return {name: dict(shape=list(value.shape), values=value.flatten().tolist()) for name, value in named.items()}


def case(norm_first):
    model = SasRec(norm_first)
    states = torch.cat([model(sequence[:-1]) for sequence in SEQUENCES])
    states.retain_grad()
    following = torch.tensor([item for sequence in SEQUENCES for item in sequence[1:]])
    loss = F.cross_entropy(states @ model.items.T, following)
    loss.backward()
    return dict(
        items=model.items.flatten().tolist(), dense=model.ours(lambda parameter: parameter.detach()), loss=loss.item(),
        states=states.flatten().tolist(), of_states=states.grad.flatten().tolist(), of_items=model.items.grad.flatten().tolist(),
        of_dense=model.ours(lambda parameter: parameter.grad),
    )


out = dict(
    made_by=f"PyTorch {torch.__version__.split('+')[0]}, double precision", sequences=SEQUENCES, n_items=N_ITEMS,
    params=dict(factors=D, max_seq_len=LENGTH, blocks=BLOCKS, heads=HEADS), paper=case(True), s1=case(False),
)
pathlib.Path(__file__).with_name("sequences.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
