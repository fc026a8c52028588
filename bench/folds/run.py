"""RMSE and MAE of svd on the five official folds of MovieLens 100k: the measurements behind docs/measured/ml100k_folds.csv.

usage: python bench/folds/run.py > docs/measured/ml100k_folds.csv        (SEGUE names the program; no packages)

Each fold (data.fold=u1 to u5) is learnt and measured with the settings of experiment=ml100k_svd, and with the default
hyper-parameters of scikit-surprise, each with three seeds. Writes one line for each: setting, seed, fold, RMSE, MAE. SEGUE_DATA
names the folder of the data.
"""

import csv
import os
import subprocess
import sys
import tempfile

SEGUE = os.environ.get("SEGUE", "segue")
FOLDS = ["u1", "u2", "u3", "u4", "u5"]
SEEDS = ["42", "1", "2"]
SETTINGS = {
    "ml100k_svd": [],
    "defaults of scikit-surprise": [
        "model.factors=100", "model.l2=0.02", "trainer.max_epochs=20", "trainer.learning_rate=0.005",
    ],
}


def measured(overrides: list[str]) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        run = [SEGUE, "train", "experiment=ml100k_svd", *overrides, f"out={folder}/run", "evaluation.bootstrap=40"]
        done = subprocess.run(run, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        with open(f"{folder}/run/test_metrics.csv", newline="") as file:
            return next(csv.DictReader(file))


def main() -> None:
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["setting", "seed", "fold", "RMSE", "MAE"])
    for setting, overrides in SETTINGS.items():
        for seed in SEEDS:
            for fold in FOLDS:
                metrics = measured([f"data.fold={fold}", f"seed={seed}", *overrides])
                out.writerow([setting, seed, fold, metrics["rmse"], metrics["mae"]])
                sys.stdout.flush()


if __name__ == "__main__":
    main()
