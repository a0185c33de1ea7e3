"""`loopwright serve` itself: a process, a port, a signal."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from typer.testing import CliRunner

from operate.cli import app
from stages.core.models import save_model
from stages.core.tables import write_table
from tests.operate.serving.project import PATHS

ROOT = Path(__file__).parents[3]
TARGET, INPUTS = "default payment next month", ["LIMIT_BAL", "PAY_0"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, credit: pd.DataFrame) -> Path:
    """The project of this repository, with 200 rows and a small model."""
    root = tmp_path_factory.mktemp("served")
    for name in ("params.yaml", "schema.yaml"):
        shutil.copy(ROOT / name, root)
    stages = {"audit": {"matrix": {"pillar": ["safety"]}}}
    (root / "dvc.yaml").write_text(json.dumps({"vars": [{"paths": PATHS}], "stages": stages}))
    rows = credit.head(200)
    kept = ColumnTransformer([("kept", "passthrough", INPUTS)])
    model = Pipeline([("kept", kept), ("estimator", LogisticRegression(max_iter=5000))])
    sha256 = save_model(root / PATHS["model"], model.fit(rows, rows[TARGET]))
    (root / PATHS["model_manifest"]).write_text(json.dumps({"sha256": sha256, "inputs": INPUTS}))
    (root / PATHS["evaluation"]).write_text(json.dumps({"threshold": 0.2}))
    write_table(root / PATHS["train"], rows)
    return root


@pytest.fixture
def server(project: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", "from operate.cli import app; app()", "serve", "--port", "0"],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.wait()


def test_it_answers_over_a_socket_and_ends_when_it_is_told_to(
    server: subprocess.Popen[str], project: Path, credit: pd.DataFrame
) -> None:
    assert server.stdout is not None
    model, state, url = (server.stdout.readline().strip() for _ in range(3))
    sha256 = json.loads((project / PATHS["model_manifest"]).read_text())["sha256"]
    assert model == f"model: sha256 {sha256}"
    assert state.startswith("not approved: ")
    with urllib.request.urlopen(f"{url}/health") as health:  # noqa: S310  # our own
        assert json.load(health) == {"status": "ok", "model": sha256, "approved": False}

    row = {"ID": 2**53 + 1, "LIMIT_BAL": 20_000, "PAY_0": 2}
    found = ask(url, {"rows": [row]})
    (answer,) = found["answers"]
    assert found["model"] == sha256
    assert answer["key"] == 2**53 + 1
    assert answer["y_pred"] == (answer["y_prob"] >= 0.2)
    with pytest.raises(urllib.error.HTTPError) as fault:
        ask(url, {"rows": [{**row, "PAY_0": "4711"}]})
    told = fault.value.read().decode()
    assert fault.value.code == 422
    assert "4711" not in told

    server.send_signal(signal.SIGTERM)
    out, err = server.communicate(timeout=60)
    assert (server.returncode, out) == (0, "")
    assert err == ""  # nothing of a row is logged, and nothing else


def ask(url: str, document: object) -> dict[str, object]:
    request = urllib.request.Request(  # noqa: S310  # our own
        f"{url}/predict",
        json.dumps(document).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:  # noqa: S310
        found: dict[str, object] = json.load(response)
    return found


def test_an_address_that_is_taken_is_one_clear_error(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = CliRunner().invoke(app, ["serve", "--port", str(port)])
    assert done.exit_code == 2
    assert f"--host 127.0.0.1 --port {port}: " in done.stderr


def test_without_the_extra_it_says_which_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    monkeypatch.delitem(sys.modules, "operate.serving.server", raising=False)
    done = CliRunner().invoke(app, ["serve"])
    assert done.exit_code == 2
    assert "the package 'fastapi' is not installed; it is an extra" in done.stderr
