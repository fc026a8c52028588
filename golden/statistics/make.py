"""Golden values of the paired tests, from SciPy and statsmodels.

    pip install numpy==2.4.6 scipy==1.17.1 statsmodels==0.14.6     (Python 3.11)
    python golden/statistics/make.py            # writes values.json beside this file

    t, p_t            scipy.stats.ttest_rel
    p_wilcoxon        scipy.stats.wilcoxon (zeros left out, no continuity correction; exact up to 50, with ties up to 13,
                      so that no case here has ties among 14 to 50)
    p_randomisation   scipy.stats.permutation_test over all sign patterns of the mean, where there are at most 2^14 of them
    holm              statsmodels.stats.multitest.multipletests
    over seeds        scipy.stats.t.interval
    users and seeds   statsmodels' OLS of the differences on the runs, its covariance clustered by user, of the mean of the runs; with the
                      variance of the runs' means (scipy.stats.sem), and scipy.stats.t at Satterthwaite's degrees of freedom
    detectable        scipy.stats.nct, solved for its noncentrality by scipy.optimize.brentq; none where signs of so many users
                      cannot reach the level
"""

import json
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import statsmodels.api as sm
from scipy import optimize, stats
from statsmodels.stats.multitest import multipletests


def detectable(n, alpha, power):
    """In units of the deviation."""
    if 2.0 ** (1 - n) > alpha:
        return None
    threshold = stats.t.ppf(1 - alpha / 2, n - 1)

    def lacking(noncentrality):
        student = stats.nct(n - 1, noncentrality)
        # The far tail is no number to SciPy where it is next to none.
        return student.sf(threshold) + np.nan_to_num(student.cdf(-threshold)) - power

    return optimize.brentq(lacking, 0, 10, xtol=1e-12) / np.sqrt(n)


def users_and_seeds(runs):
    """Runs are differences by user; users may be missing from some."""
    users = np.concatenate([list(run) for run in runs])
    values = np.concatenate([list(run.values()) for run in runs])
    run = np.repeat(np.arange(len(runs)), [len(run) for run in runs])
    design = (run[:, None] == np.arange(len(runs))).astype(float)
    fit = sm.OLS(values, design).fit(cov_type="cluster", cov_kwds={"groups": users, "use_correction": False})
    n_users = len(set(users.tolist()))
    share = np.full(len(runs), 1 / len(runs))
    of_users = n_users / (n_users - 1) * share @ fit.cov_params() @ share
    of_runs = stats.sem(fit.params) ** 2
    error = np.sqrt(of_users + of_runs)
    freedom = error**4 / (of_users**2 / (n_users - 1) + of_runs**2 / (len(runs) - 1))
    mean = fit.params.mean()
    return {
        "runs": [[[int(user), float(value)] for user, value in run.items()] for run in runs],
        "mean": float(mean),
        "error": float(error),
        "freedom": float(freedom),
        "interval": [float(end) for end in stats.t.interval(0.95, freedom, mean, error)],
        "p": float(2 * stats.t.sf(abs(mean / error), freedom)),
    }


def case(first, second):
    first, second = np.asarray(first, float), np.asarray(second, float)
    difference = first - second
    n = len(difference)
    t = stats.ttest_rel(first, second)
    deviation = difference.std(ddof=1)
    found = {
        "first": first.tolist(),
        "second": second.tolist(),
        "mean": difference.mean(),
        "deviation": deviation,
        "t": t.statistic,
        "p_t": t.pvalue,
        "p_wilcoxon": stats.wilcoxon(difference, zero_method="wilcox", correction=False, method="auto").pvalue,
    }
    unit = detectable(n, 0.05, 0.8)
    found["detectable"] = None if unit is None else unit * deviation
    if n <= 14:
        test = stats.permutation_test(
            (difference,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
        )
        found["p_randomisation"] = test.pvalue
    return {key: float(value) if np.isscalar(value) else value for key, value in found.items()}


def main():
    rng = np.random.default_rng(20261125)
    cases = []
    for n, shift in [(5, 0.3), (12, 0.2), (14, 0.0), (50, 0.1), (51, 0.1), (400, 0.02)]:
        base = rng.random(n)
        cases.append(case(base + shift * rng.random(n), base + 0.1 * rng.normal(size=n)))
    for n in [10, 13, 60, 500]:
        # Metrics at a cut-off: many ties and zeros, eighths so that equal differences are equal.
        cases.append(case(rng.integers(0, 9, n) / 8, rng.integers(0, 8, n) / 8))
    ps = [[0.01, 0.04, 0.03, 0.005], rng.random(12).tolist(), [0.2, 0.2, 0.2], (rng.random(30) ** 4).tolist()]
    seeds = [rng.normal(0.3, 0.01, n).tolist() for n in (2, 3, 5, 20)]
    crossed = []
    for n_runs, n_users, kept in [(2, 5, 1.0), (3, 40, 1.0), (3, 30, 0.7), (5, 12, 0.5)]:
        own = rng.normal(0.1, 0.2, n_users)
        run = rng.normal(0, 0.05, n_runs)
        crossed.append(
            [
                {u: own[u] + run[s] + rng.normal(0, 0.1) for u in range(n_users) if u < 2 or rng.random() < kept}
                for s in range(n_runs)
            ]
        )
    golden = {
        "made_by": "golden/statistics/make.py",
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ["numpy", "scipy", "statsmodels"]},
        "paired": cases,
        "detectable": [
            {"n": n, "alpha": alpha, "power": power, "unit": detectable(n, alpha, power)}
            for n, alpha, power in [
                (2, 0.05, 0.8), (2, 0.5, 0.8), (3, 0.05, 0.8), (3, 0.3, 0.8), (5, 0.05, 0.8), (6, 0.05, 0.8), (6, 0.05, 0.99),
                (7, 0.01, 0.8), (8, 0.01, 0.8), (8, 0.05, 0.8), (20, 0.001, 0.9), (100, 0.05, 0.5), (1000, 0.05, 0.8), (100_000, 0.05, 0.8),
            ]
        ],
        "holm": [{"p": p, "corrected": multipletests(p, method="holm")[1].tolist()} for p in ps],
        "over_seeds": [
            {
                "values": values,
                "interval": list(stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))),
            }
            for values in seeds
        ],
        "users_and_seeds": [users_and_seeds(runs) for runs in crossed],
    }
    lines = []
    for key, part in golden.items():
        rows = ",\n  ".join(json.dumps(one) for one in part) if isinstance(part, list) else None
        lines.append(f'"{key}": ' + (f"[\n  {rows}\n ]" if rows else json.dumps(part)))
    Path(__file__).with_name("values.json").write_text("{\n " + ",\n ".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
