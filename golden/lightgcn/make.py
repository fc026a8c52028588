"""Two training steps of LightGCN on a tiny graph, dense and by hand.

    python3 golden/lightgcn/make.py        # writes two_steps.json beside this file

Independent of Segue: plain Python in double precision, no packages. Propagation is a dense product with every power of
the normalised adjacency, the gradient of the propagated table is written sample by sample and pulled back through the
transposed powers, and Adam is that of the paper with PyTorch's constants.
"""
import json
import math
from pathlib import Path

LIKES = [[0, 1, 3], [1], [0, 2, 3, 4]]
N_ITEMS = 6  # item 5 has no like
FACTORS, LAYERS, LEARNING_RATE, DECAY = 3, 3, 0.05, 0.01
# (user, liked item, other item); the second batch repeats a user and an item
BATCHES = [[(0, 1, 2), (2, 4, 1)], [(0, 0, 5), (0, 3, 4), (1, 1, 0)]]


def product(a, b):
    return [[sum(x * y for x, y in zip(row, column)) for column in zip(*b)] for row in a]


def main():
    n_users, n = len(LIKES), len(LIKES) + N_ITEMS
    a = [[0.0] * n for _ in range(n)]
    degree = [len(items) for items in LIKES] + [sum(i in items for items in LIKES) for i in range(N_ITEMS)]
    for u, items in enumerate(LIKES):
        for i in items:
            weight = 1.0 / math.sqrt(degree[u] * degree[n_users + i])
            a[u][n_users + i] = a[n_users + i][u] = weight
    power = [[float(r == c) for c in range(n)] for r in range(n)]
    operator = [[0.0] * n for _ in range(n)]
    for _ in range(LAYERS + 1):
        operator = [[x + y / (LAYERS + 1) for x, y in zip(p, q)] for p, q in zip(operator, power)]
        power = product(power, a)

    # Values that single precision holds exactly.
    table = [[((7 * r + 5 * c) % 11 - 5) / 16 for c in range(FACTORS)] for r in range(n)]
    initial = [row[:] for row in table]
    first = [[0.0] * FACTORS for _ in range(n)]
    second = [[0.0] * FACTORS for _ in range(n)]
    losses = []
    for step, batch in enumerate(BATCHES, 1):
        final = product(operator, table)
        gradient = [[0.0] * FACTORS for _ in range(n)]
        penalty = [[0.0] * FACTORS for _ in range(n)]
        loss = 0.0
        for u, i, j in batch:
            i, j = n_users + i, n_users + j
            x = sum(final[u][c] * (final[i][c] - final[j][c]) for c in range(FACTORS))
            loss += math.log(1.0 + math.exp(-x)) / len(batch)
            slope = -1.0 / (1.0 + math.exp(x)) / len(batch)
            for c in range(FACTORS):
                gradient[u][c] += slope * (final[i][c] - final[j][c])
                gradient[i][c] += slope * final[u][c]
                gradient[j][c] -= slope * final[u][c]
                for r in (u, i, j):
                    loss += DECAY * 0.5 * table[r][c] ** 2 / len(batch)
                    penalty[r][c] += DECAY * table[r][c] / len(batch)
        pulled = product([list(row) for row in zip(*operator)], gradient)
        for r in range(n):
            for c in range(FACTORS):
                g = pulled[r][c] + penalty[r][c]
                first[r][c] = 0.9 * first[r][c] + 0.1 * g
                second[r][c] = 0.999 * second[r][c] + 0.001 * g * g
                m, v = first[r][c] / (1 - 0.9**step), second[r][c] / (1 - 0.999**step)
                table[r][c] -= LEARNING_RATE * m / (math.sqrt(v) + 1e-8)
        losses.append(loss)
    golden = {
        "likes": LIKES, "n_items": N_ITEMS, "factors": FACTORS, "layers": LAYERS, "learning_rate": LEARNING_RATE,
        "decay": DECAY, "batches": BATCHES, "initial": initial, "losses": losses, "table": table,
        "final": product(operator, table),
    }
    Path(__file__).with_name("two_steps.json").write_text(json.dumps(golden) + "\n")


main()
