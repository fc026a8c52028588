"""The peers' side of each job: one process, one JSON line.

usage: peers.py JOB FOLDER [key=value ...]

FOLDER holds train.txt and valid.txt as `segue export --format adjacency --ids dense` writes them. Everything is fitted on train
alone and measured by recall@20 on valid, known items hidden. Prints {"seconds": [...], "recall@20": ..., ...}; what a list of
seconds counts depends on the job and is said where it is filled.
"""

import json
import os
import pathlib
import sys
import time

THREADS = int(os.environ.get("THREADS", "2"))
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    # implicit wants BLAS on one thread, for it has threads of its own; each job sets what its program asks for.
    os.environ[name] = str(THREADS)

import numpy as np  # noqa: E402  after the number of threads is known
from scipy import sparse  # noqa: E402

K = 20


def read(path, shape=None):
    rows, cols = [], []
    for line in open(path):
        user, *items = map(int, line.split())
        rows += [user] * len(items)
        cols += items
    shape = shape or (max(rows) + 1, max(cols) + 1)
    return sparse.csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, cols)), shape=shape)


def load(folder):
    folder = pathlib.Path(folder)
    note = folder / "shape.json"
    shape = tuple(json.loads(note.read_text()))
    return read(folder / "train.txt", shape), read(folder / "valid.txt", shape)


def recall(top, wanted, users):
    hits = [len(np.intersect1d(row, wanted.indices[wanted.indptr[u] : wanted.indptr[u + 1]])) for u, row in zip(users, top)]
    n = np.diff(wanted.indptr)[users]
    return float((np.array(hits) / n).mean())


def asked(valid):
    return np.flatnonzero(np.diff(valid.indptr))


def top_of(users, items, train, some, k=K, block=512):
    """numpy's best: BLAS and argpartition, in blocks."""
    found = np.empty((len(some), k), dtype=np.int64)
    for start in range(0, len(some), block):
        part = some[start : start + block]
        scores = users[part] @ items.T
        for row, user in enumerate(part):
            scores[row, train.indices[train.indptr[user] : train.indptr[user + 1]]] = -np.inf
        first = np.argpartition(-scores, k, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(scores, first, axis=1), axis=1)
        found[start : start + block] = np.take_along_axis(first, order, axis=1)
    return found


def single_threaded_blas():
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, "blas")


def als(train, valid, factors=64, iterations=8, l2=0.01, confidence=10.0, cg=True, users=None):
    """Seconds of each iteration; ranks for the first `users` alone."""
    from implicit.cpu.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(
        factors=int(factors), iterations=int(iterations), regularization=float(l2), alpha=float(confidence),
        use_cg=bool(int(cg)), num_threads=THREADS, random_state=1,
    )
    seconds = []
    with single_threaded_blas():
        model.fit(train, show_progress=False, callback=lambda _, elapsed, *rest: seconds.append(elapsed))
        some = asked(valid)[: None if users is None else int(users)]
        if not len(some):
            return {"seconds": seconds}
        start = time.perf_counter()
        top, _ = model.recommend(some, train[some], N=K)
        ranked = time.perf_counter() - start
    return {"seconds": seconds, "rank": ranked, "recall@20": recall(top, valid, some)}


def item_knn(train, valid, neighbors=100):
    """Seconds of the fit, then of recommending to everyone."""
    from implicit.nearest_neighbours import CosineRecommender

    model = CosineRecommender(K=int(neighbors), num_threads=THREADS)
    with single_threaded_blas():
        start = time.perf_counter()
        model.fit(train, show_progress=False)
        fitted = time.perf_counter()
        everyone = np.arange(train.shape[0])
        top, _ = model.recommend(everyone, train, N=K)
        done = time.perf_counter()
    some = asked(valid)
    return {"seconds": [fitted - start, done - fitted], "recall@20": recall(top[some], valid, some)}


def bpr(train, valid, factors=64, iterations=100, rate=0.05, l2=0.01, every=5):
    """Seconds of each epoch, and recall@20 after some of them, off the clock."""
    from implicit.cpu.bpr import BayesianPersonalizedRanking

    model = BayesianPersonalizedRanking(
        factors=int(factors), iterations=int(iterations), learning_rate=float(rate), regularization=float(l2),
        num_threads=THREADS, random_state=1,
    )
    seconds, values, some = [], [], asked(valid)

    def heard(n, elapsed, *_):
        seconds.append(elapsed)
        if (n + 1) % int(every) == 0:
            values.append((n + 1, recall(top_of(model.user_factors, model.item_factors, train, some), valid, some)))

    with single_threaded_blas():
        model.fit(train, show_progress=False, callback=heard)
    return {"seconds": seconds, "curve": values, "recall@20": max(value for _, value in values)}


def ease(train, valid, l2=80.0):
    """Seconds from the matrix of likes to the inverse. Half of what spotri leaves is all that is needed."""
    from scipy.linalg import lapack

    start = time.perf_counter()
    gram = (train.T @ train).toarray().T  # column-major, so that LAPACK overwrites it
    gram = np.asfortranarray(gram, dtype=np.float32)
    gram[np.diag_indices_from(gram)] += np.float32(float(l2))
    built = time.perf_counter()
    factor, info = lapack.spotrf(gram, lower=1, clean=0, overwrite_a=1)
    assert info == 0
    inverse, info = lapack.spotri(factor, lower=1, overwrite_c=1)
    assert info == 0
    done = time.perf_counter()
    some = asked(valid)[:512]
    # By columns of the lower triangle, for the other half is not filled.
    n = len(inverse)
    diagonal = inverse.diagonal().copy()
    scores = np.zeros((len(some), n), dtype=np.float32)
    for row, user in enumerate(some):
        for item in train.indices[train.indptr[user] : train.indptr[user + 1]]:
            column = np.concatenate([inverse[item, :item], inverse[item:, item]])
            scores[row] -= column / diagonal
        scores[row, train.indices[train.indptr[user] : train.indptr[user + 1]]] = -np.inf
    top = np.argsort(-scores, axis=1)[:, :K]
    return {"seconds": [done - start], "solve": done - built, "recall@20": recall(top, valid, some), "users": len(some)}


def lightgcn(train, valid, factors=64, layers=3, batch=2048, steps=20, rate=0.001, l2=1e-4, form="csr"):
    """Seconds of each of `steps` steps; an epoch is as many as there are batches in the likes."""
    import torch

    torch.set_num_threads(THREADS)
    torch.manual_seed(1)
    n_users, n_items = train.shape
    pattern = train.tocoo()
    degree_u, degree_i = np.diff(train.indptr), np.bincount(train.indices, minlength=n_items)
    weight = (1 / np.sqrt(degree_u[pattern.row].astype(np.float64) * degree_i[pattern.col])).astype(np.float32)
    rows = np.concatenate([pattern.row, pattern.col + n_users])
    cols = np.concatenate([pattern.col + n_users, pattern.row])
    n = n_users + n_items
    graph = sparse.csr_matrix((np.concatenate([weight, weight]), (rows, cols)), shape=(n, n))
    if form == "csr":
        adjacency = torch.sparse_csr_tensor(torch.from_numpy(graph.indptr.astype(np.int64)), torch.from_numpy(graph.indices.astype(np.int64)), torch.from_numpy(graph.data), (n, n))
    else:
        coo = graph.tocoo()
        adjacency = torch.sparse_coo_tensor(np.stack([coo.row, coo.col]), coo.data, (n, n)).coalesce()

    class Product(torch.autograd.Function):
        # The matrix is symmetric; the gradient of a product with a CSR matrix on its left is the same product.
        @staticmethod
        def forward(_, x):
            return torch.sparse.mm(adjacency, x)

        @staticmethod
        def backward(_, gradient):
            return torch.sparse.mm(adjacency, gradient)

    table = torch.nn.Parameter(torch.normal(0, 0.1, (n, int(factors))))
    adam = torch.optim.Adam([table], lr=float(rate))
    draw = np.random.default_rng(1)
    batch, seconds = int(batch), []
    for _ in range(int(steps)):
        users = draw.choice(np.flatnonzero(degree_u), batch)
        liked = train.indices[train.indptr[users] + (draw.random(batch) * degree_u[users]).astype(np.int64)]
        others = draw.integers(0, n_items, batch)
        start = time.perf_counter()
        layer, layers_sum = table, table
        for _ in range(int(layers)):
            layer = Product.apply(layer)
            layers_sum = layers_sum + layer
        out = layers_sum / (int(layers) + 1)
        u, i, j = (torch.from_numpy(x.astype(np.int64)) for x in (users, liked + n_users, others + n_users))
        difference = (out[u] * out[i]).sum(1) - (out[u] * out[j]).sum(1)
        penalty = sum(table[x].pow(2).sum() for x in (u, i, j)) / (2 * batch)
        loss = torch.nn.functional.softplus(-difference).mean() + float(l2) * penalty
        adam.zero_grad()
        loss.backward()
        adam.step()
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds, "steps per epoch": -(-train.nnz // batch), "loss": float(loss.detach())}


def neumf(train, valid, factors=64, layers="128,64,32,16", batch=1024, negatives=4, epochs=1, rate=0.001):
    """Seconds of each epoch: likes in random order, each with uniformly drawn items beside it, as the paper trains."""
    import torch
    from torch import nn

    torch.set_num_threads(THREADS)
    torch.manual_seed(1)
    factors, negatives, batch = int(factors), int(negatives), int(batch)
    widths = [int(width) for width in layers.split(",")]
    half = widths[0] // 2

    class NeuMf(nn.Module):
        def __init__(self):
            super().__init__()
            tables = [nn.Embedding(n, width) for n in train.shape for width in (factors, half)]
            for table in tables:
                nn.init.normal_(table.weight, std=0.01)
            self.gmf_users, self.mlp_users, self.gmf_items, self.mlp_items = tables
            hidden = [part for a, b in zip(widths, widths[1:]) for part in (nn.Linear(a, b), nn.ReLU())]
            self.hidden, self.output = nn.Sequential(*hidden), nn.Linear(factors + widths[-1], 1)

        def forward(self, users, items):
            deep = self.hidden(torch.cat([self.mlp_users(users), self.mlp_items(items)], 1))
            return self.output(torch.cat([self.gmf_users(users) * self.gmf_items(items), deep], 1)).squeeze(1)

    model = NeuMf()
    adam = torch.optim.Adam(model.parameters(), lr=float(rate))
    pairs = train.tocoo()
    users, items = torch.from_numpy(pairs.row.astype(np.int64)), torch.from_numpy(pairs.col.astype(np.int64))
    seconds, losses = [], []
    for _ in range(int(epochs)):
        start, total = time.perf_counter(), 0.0
        for likes in torch.randperm(len(users)).split(batch):
            drawn = torch.randint(train.shape[1], (len(likes), negatives))
            what = torch.cat([items[likes].unsqueeze(1), drawn], 1)
            who = users[likes].unsqueeze(1).expand_as(what).reshape(-1)
            wanted = torch.zeros_like(what, dtype=torch.float32)
            wanted[:, 0] = 1
            loss = nn.functional.binary_cross_entropy_with_logits(model(who, what.reshape(-1)), wanted.reshape(-1))
            adam.zero_grad()
            loss.backward()
            adam.step()
            total += float(loss.detach()) * len(likes)
        seconds.append(time.perf_counter() - start)
        losses.append(total / len(users))
    return {"seconds": seconds, "loss": losses[-1]}


def sasrec(train, valid, factors=64, length=50, blocks=2, heads=2, batch=256, epochs=1, rate=0.001, dropout=0.2, loss="bce", norm_first="1"):
    """Seconds of each epoch: the last likes of everyone, filled up from the left, every place asked for its next item."""
    import torch
    from torch import nn

    torch.set_num_threads(THREADS)
    torch.manual_seed(1)
    length, n_items = int(length), train.shape[1]
    # Item 0 is the filling.
    rows = [train.indices[a:b][-length - 1 :] + 1 for a, b in zip(train.indptr, train.indptr[1:]) if b - a > 1]
    read, following = (torch.zeros(len(rows), length, dtype=torch.long) for _ in range(2))
    for n, row in enumerate(rows):
        read[n, length + 1 - len(row) :] = torch.from_numpy(row[:-1].astype(np.int64))
        following[n, length + 1 - len(row) :] = torch.from_numpy(row[1:].astype(np.int64))

    class SasRec(nn.Module):
        def __init__(self):
            super().__init__()
            d = int(factors)
            self.items, self.positions = nn.Embedding(n_items + 1, d, padding_idx=0), nn.Embedding(length, d)
            layer = nn.TransformerEncoderLayer(d, int(heads), d, float(dropout), batch_first=True, norm_first=norm_first == "1")
            self.blocks = nn.TransformerEncoder(layer, int(blocks), norm=nn.LayerNorm(d), enable_nested_tensor=False)
            self.dropout = nn.Dropout(float(dropout))
            self.register_buffer("hidden", torch.triu(torch.ones(length, length, dtype=torch.bool), diagonal=1))

        def forward(self, read):
            return self.blocks(self.dropout(self.items(read) + self.positions.weight), mask=self.hidden, is_causal=True)

    model = SasRec()
    adam = torch.optim.Adam(model.parameters(), lr=float(rate))
    seconds, losses = [], []
    for _ in range(int(epochs)):
        start, total, n = time.perf_counter(), 0.0, 0
        for users in torch.randperm(len(rows)).split(int(batch)):
            wanted = following[users]
            real = wanted > 0
            states, wanted = model(read[users])[real], wanted[real]
            if loss == "bce":
                drawn = torch.randint(1, n_items + 1, wanted.shape)
                scores = torch.stack([(states * model.items(items)).sum(1) for items in (wanted, drawn)], 1)
                cost = nn.functional.binary_cross_entropy_with_logits(scores, torch.tensor([1.0, 0.0]).expand_as(scores))
            else:
                cost = nn.functional.cross_entropy(states @ model.items.weight[1:].T, wanted - 1)
            adam.zero_grad()
            cost.backward()
            adam.step()
            total, n = total + float(cost.detach()) * len(wanted), n + len(wanted)
        seconds.append(time.perf_counter() - start)
        losses.append(total / n)
    return {"seconds": seconds, "loss": losses[-1], "places": n}


def two_tower(train, valid, factors=64, length=50, batch=1024, epochs=1, rate=0.001):
    """Seconds of each epoch: every like against the others of its batch, less the logarithm of how often they are liked, but for itself met
    again; users have a vector and the mean of what else they like, packed, through a layer. Tables move where a batch touches them."""
    import torch
    from torch import nn

    torch.set_num_threads(THREADS)
    torch.manual_seed(1)
    length, batch = int(length), int(batch)
    draw = np.random.default_rng(1)
    # Of everyone one like more than is read, for the like itself is none of them; -1 where there are fewer.
    some = np.full((train.shape[0], length + 1), -1)
    for user, (a, b) in enumerate(zip(train.indptr, train.indptr[1:])):
        liked = train.indices[a:b] if b - a <= length + 1 else draw.permutation(train.indices[a:b])[: length + 1]
        some[user, : len(liked)] = liked

    class Towers(nn.Module):
        def __init__(self):
            super().__init__()
            d = int(factors)
            self.users, self.items = (nn.Embedding(n, d, sparse=True) for n in train.shape)
            for table in (self.users, self.items):
                nn.init.normal_(table.weight, std=0.01)
            self.mean = nn.Linear(d, d)

        def forward(self, users, read, starts):
            mean = nn.functional.embedding_bag(read, self.items.weight, starts, mode="mean", sparse=True)
            return self.users(users) + self.mean(mean)

    model = Towers()
    tables = [model.users.weight, model.items.weight]
    movers = [torch.optim.SparseAdam(tables, lr=float(rate)), torch.optim.Adam(model.mean.parameters(), lr=float(rate))]
    pairs = train.tocoo()
    users, items = pairs.row.astype(np.int64), pairs.col.astype(np.int64)
    shares = torch.from_numpy(np.bincount(items, minlength=train.shape[1]) / len(items)).float().log()
    seconds, losses = [], []
    for _ in range(int(epochs)):
        start, total = time.perf_counter(), 0.0
        for likes in np.array_split(draw.permutation(len(users)), -(-len(users) // batch)):
            rows = some[users[likes]]
            held = (rows >= 0) & (rows != items[likes, None])
            held[:, length] &= held.sum(1) <= length
            starts = np.concatenate([[0], held.sum(1).cumsum()[:-1]])
            who, what, read, starts = (torch.from_numpy(of) for of in (users[likes], items[likes], rows[held], starts))
            scores = model(who, read, starts) @ model.items(what).T - shares[what]
            again = (what.unsqueeze(1) == what) & ~torch.eye(len(what), dtype=torch.bool)
            loss = nn.functional.cross_entropy(scores.masked_fill(again, -torch.inf), torch.arange(len(what)))
            for mover in movers:
                mover.zero_grad()
            loss.backward()
            for mover in movers:
                mover.step()
            total += float(loss.detach()) * len(likes)
        seconds.append(time.perf_counter() - start)
        losses.append(total / len(users))
    return {"seconds": seconds, "loss": losses[-1]}


def rank(train, valid, factors=64):
    """Seconds of implicit's recommend-all and of numpy's best, on random factors; nothing is measured."""
    from implicit.cpu.matrix_factorization_base import MatrixFactorizationBase

    draw = np.random.default_rng(1)
    users, items = (draw.normal(size=(n, int(factors))).astype(np.float32) for n in train.shape)

    class Fixed(MatrixFactorizationBase):
        def fit(self, *_):
            pass

        def save(self, *_):
            pass

    model = Fixed(num_threads=THREADS)
    model.user_factors, model.item_factors = users, items
    some = asked(valid)
    start = time.perf_counter()
    with single_threaded_blas():
        model.recommend(some, train[some], N=K)
    by_implicit = time.perf_counter() - start
    start = time.perf_counter()
    top = top_of(users, items, train, some)
    by_numpy = time.perf_counter() - start
    return {"seconds": [by_implicit, by_numpy], "recall@20": recall(top, valid, some)}


def main():
    job, folder, *options = sys.argv[1:]
    train, valid = load(folder)
    print(json.dumps(globals()[job](train, valid, **dict(option.split("=", 1) for option in options))))


main()
