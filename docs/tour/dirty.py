"""Write the raw file of the tour: 4,000 rows of the default table as a branch office sends them.

    python docs/tour/dirty.py ../clients.csv

Semicolons, decimal commas, other names, a question mark where a value is missing, and a
column that is filled in only after the outcome is known.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

SOURCE = Path(__file__).parents[2] / "data/source/credit_default.csv.gz"
ROWS = 4000

credit = pd.read_csv(SOURCE).sample(ROWS, random_state=0).sort_index()
rng = np.random.default_rng(0)
defaulted = credit["default payment next month"] == 1
contacted = np.where(defaulted, rng.random(ROWS) < 0.98, rng.random(ROWS) < 0.01)
raw = pd.DataFrame(
    {
        "client_id": [f"C{number:05d}" for number in credit["ID"]],
        "sex": credit["SEX"].map({1: "m", 2: "f"}),
        "age": credit["AGE"],
        "education": credit["EDUCATION"].map({1: "graduate", 2: "university", 3: "school"}),
        "limit": credit["LIMIT_BAL"] / 1000,
        "months_late": credit["PAY_0"],
        "months_late_before": credit["PAY_2"],
        "bill": credit["BILL_AMT1"] / 1000,
        "bill_before": credit["BILL_AMT2"] / 1000,
        "paid": credit["PAY_AMT1"] / 1000,
        "paid_before": credit["PAY_AMT2"] / 1000,
        "collections_contacted_after": np.where(contacted, "yes", "no"),
        "defaulted": np.where(defaulted, "yes", "no"),
    }
)
raw.loc[rng.random(ROWS) < 0.03, "paid"] = np.nan
raw.to_csv(sys.argv[1], sep=";", decimal=",", na_rep="?", index=False)
