"""The tables of the bench: how each is read, and how its rows are dealt.

Every entrant gets the same rows of the same columns. Nothing here is learnt from data:
what is left out is left out because it would not be known when the decision is taken.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

ROOT = Path(__file__).resolve().parent.parent.parent

TEST_SHARE = 0.2

# Each test window by time ends this share of the rows before the one of the split before.
WINDOW_STEP = 0.05

Split = tuple[pd.DataFrame, pd.DataFrame]


@dataclass(frozen=True)
class Table:
    """One table of the bench.

    Attributes:
        name: of the table and, where it is no made one, of its file.
        task: ``binary``, ``multiclass`` or ``regression``.
        target: the column to predict.
        positive: the positive value of a binary target.
        read: gives the whole table, in its order.
        file: that it is read from; None where it is made.
        time: the column that orders the rows, and the test rows are later than train's; None
            where they are drawn, stratified by class.
        splits: how many are run, unless the command line says.
        entrants: who is run, unless the command line says.
    """

    name: str
    task: str
    target: str
    read: Callable[[], pd.DataFrame]
    file: Path | None = None
    positive: int | str | None = None
    time: str | None = None
    splits: int = 5
    entrants: tuple[str, ...] = ("loopwright_best", "default_boosting", "autogluon_medium")

    def there(self) -> bool:
        """Say whether the table can be read."""
        return self.file is None or self.file.exists()

    def split(self, number: int) -> Split:
        """Return the train and the test rows of split `number`.

        Drawn at random, `number` is the seed. By time, split 0 tests on the last fifth and
        trains on all before; each further split moves the window `WINDOW_STEP` back.
        """
        rows = self.read().dropna(subset=[self.target]).reset_index(drop=True)
        if self.time:
            end = round(len(rows) * (1 - WINDOW_STEP * number))
            start = end - round(len(rows) * TEST_SHARE)
            return rows.iloc[:start], rows.iloc[start:end].reset_index(drop=True)
        classes = None if self.task == "regression" else rows[self.target]
        train, test = train_test_split(
            rows, test_size=TEST_SHARE, random_state=number, stratify=classes
        )
        return train.reset_index(drop=True), test.reset_index(drop=True)


def tables(data: Path) -> dict[str, Table]:
    """Return the tables by name; `data` is the folder of those that the project does not hold."""

    def kept(name: str, task: str, target: str, drop: list[str], **more: Any) -> Table:
        path = data / f"{name}.csv.gz"
        options = more.pop("options", {})
        return Table(
            name,
            task,
            target,
            lambda: pd.read_csv(path, **options).drop(columns=drop),
            path,
            **more,
        )

    def made(name: str, task: str, read: Callable[[], pd.DataFrame]) -> Table:
        positive = 1 if task == "binary" else None
        return Table(
            name, task, "target", read, None, positive, splits=1, entrants=("loopwright_best",)
        )

    own = ROOT / "data/source/credit_default.csv.gz"
    found = [
        Table(
            "credit_default",
            "binary",
            "default payment next month",
            lambda: pd.read_csv(own).drop(columns="ID"),
            own,
            positive=1,
            splits=10,
            entrants=(
                "loopwright_quick",
                "loopwright_best",
                "default_boosting",
                "autogluon_boosters",
                "autogluon_medium",
            ),
        ),
        kept(
            "telco_churn",
            "binary",
            "Churn",
            ["customerID"],
            positive="Yes",
            options={"na_values": [" "]},
        ),
        # A call's duration is known after the call, and so is its outcome.
        kept("bank_full", "binary", "y", ["duration"], positive="yes", options={"sep": ";"}),
        kept("california_housing", "regression", "median_house_value", []),
        # The last two sum to the target; the first is the row's number.
        kept(
            "bike_hourly",
            "regression",
            "cnt",
            ["instant", "casual", "registered"],
            time="dteday",
        ),
        made("made_wide", "binary", made_wide),
        made("made_rare", "binary", made_rare),
        made("made_many_codes", "binary", made_many_codes),
        made("made_23_classes", "multiclass", made_23_classes),
    ]
    return {table.name: table for table in found}


# --- made tables ------------------------------------------------------------------------


def made_wide() -> pd.DataFrame:
    """250 rows of 750 numbers, ten of which matter; some are missing."""
    rng = np.random.default_rng(1)
    numbers = rng.normal(size=(250, 750))
    drawn = numbers[:, :10].sum(axis=1) + rng.logistic(size=250) > 0
    numbers[rng.random(numbers.shape) < 0.02] = np.nan
    return pd.DataFrame(numbers, columns=[f"x{i}" for i in range(750)]).assign(
        target=drawn.astype(int)
    )


def made_rare() -> pd.DataFrame:
    """20,000 rows, of which 4.5 % are positive; numbers, codes and missing values."""
    rng = np.random.default_rng(2)
    rows = 20_000
    frame = pd.DataFrame(rng.normal(size=(rows, 12)), columns=[f"x{i}" for i in range(12)])
    frame["channel"] = rng.choice(["branch", "phone", "web"], rows)
    score = frame["x0"] + 0.5 * frame["x1"] * frame["x2"] + (frame["channel"] == "web")
    noisy = score + rng.logistic(size=rows)
    frame.loc[rng.random(rows) < 0.1, "x0"] = np.nan
    return frame.assign(target=(noisy > noisy.quantile(0.955)).astype(int))


def made_many_codes() -> pd.DataFrame:
    """337,000 rows with three columns of 300, 5,000 and 40,000 codes beside six numbers."""
    rng = np.random.default_rng(3)
    rows = 337_000
    frame = pd.DataFrame(rng.normal(size=(rows, 6)), columns=[f"x{i}" for i in range(6)])
    score = frame["x0"].to_numpy() + 0.3 * frame["x1"].to_numpy() ** 2
    for name, count in {"merchant": 300, "zip": 5_000, "device": 40_000}.items():
        # Codes come by a power law, as they do: a few are common, most are rare.
        codes = np.minimum(rng.zipf(1.3, rows), count) - 1
        score = score + rng.normal(size=count)[codes] * 0.5
        frame[name] = pd.Series(codes).map(lambda code, name=name: f"{name}_{code}")
    return frame.assign(target=(score + rng.logistic(size=rows) > 1.5).astype(int))


def made_23_classes() -> pd.DataFrame:
    """12,000 rows of 23 classes, the rarest of which has some thirty rows."""
    rng = np.random.default_rng(4)
    rows = 12_000
    shares = 0.8 ** np.arange(23)
    codes = rng.choice(23, rows, p=shares / shares.sum())
    centres = rng.normal(size=(23, 15)) * 1.2
    numbers = centres[codes] + rng.normal(size=(rows, 15))
    return pd.DataFrame(numbers, columns=[f"x{i}" for i in range(15)]).assign(
        target=[f"class_{code:02}" for code in codes]
    )
