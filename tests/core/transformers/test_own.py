"""The worked example of docs/featurize.md, as it stands there: one file, one line, one entry."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[3]

RUN = """
from pathlib import Path
import numpy as np
import pandas as pd
from stages.core.models import load_model, save_model
from stages.core.params import read_params
from stages.core.schema import read_schema
from stages.core.transformers import build_features

chosen = read_params(Path("params.yaml"))
rows = pd.read_csv("rows.csv")
features = build_features(
    chosen.featurize, read_schema(Path("schema.yaml")), "default payment next month", "ID"
).fit(rows, rows["default payment next month"].to_numpy())
sha256 = save_model(Path("features.skops"), features)
loaded = load_model(Path("features.skops"), sha256)[:2]
made = loaded.transform(rows)["bill_trend"]
alone = [loaded.transform(rows[i : i + 1])["bill_trend"].iloc[0] for i in range(5)]
assert alone == made[:5].tolist()
months = ["BILL_AMT3", "BILL_AMT2", "BILL_AMT1"]
slope = np.polyfit([0, 1, 2], rows[months].to_numpy().T, 1)[0]
np.testing.assert_allclose(made, slope / np.median(rows[months].abs()), rtol=1e-9, atol=1e-9)
"""


def test_the_example_of_the_docs_works_as_it_stands(tmp_path: Path, credit: pd.DataFrame) -> None:
    page = (ROOT / "docs/featurize.md").read_text()
    section = page.split("## Your own transformer")[1].split("\n## ")[0]
    (file, line), (entry,) = (
        re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
        for language in ("python", "yaml")
    )
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "stages", tmp_path / "stages", ignore=skip)
    shutil.copy(ROOT / "schema.yaml", tmp_path)
    params = (ROOT / "params.yaml").read_text()
    assert "  create:\n" in params
    (tmp_path / "params.yaml").write_text(params.replace("  create:\n", f"  create:\n{entry}", 1))
    package = tmp_path / "stages/core/transformers"
    (package / "trend.py").write_text(file)
    own = (package / "own.py").read_text()
    empty = "OWN_TRANSFORMERS: dict[str, type[Any]] = {}\n"
    assert empty in own
    added = f"\nfrom stages.core.transformers.trend import Trend\n\n{line}"
    (package / "own.py").write_text(own.replace(f"\n{empty}", added))
    credit[:500].to_csv(tmp_path / "rows.csv", index=False)
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
