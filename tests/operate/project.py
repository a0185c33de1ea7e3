"""A tiny DVC project with verdicts: real DVC, real git, stages that only copy."""

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stages.core.verdicts import Verdict

ROOT = Path(__file__).parents[2]

DVC_YAML = """\
vars:
  - paths:
      params: params.yaml
      model: data/train/model.bin
      test: data/split/test.csv
      charter: data/verdicts/charter.json
      quality: data/verdicts/quality.json
      splits: data/verdicts/splits.json
      evaluation: data/verdicts/evaluation.json
      audit: data/audit
      summary: data/report/summary.json
stages:
  split:
    cmd: mkdir -p data/split && cp given/rows.csv ${paths.test}
    deps: [given/rows.csv]
    outs: ["${paths.test}"]
  train:
    cmd: mkdir -p data/train && cp given/model.bin ${paths.model}
    params: [train.scoring]
    deps: [given/model.bin, code.py]
    outs: ["${paths.model}"]
  judge:
    cmd: mkdir -p data/verdicts && cp given/*.json data/verdicts/
    deps: [given, "${paths.model}"]
    outs: ["${paths.charter}", "${paths.quality}", "${paths.splits}", "${paths.evaluation}"]
  audit:
    matrix:
      pillar: [fairness, safety]
    cmd: >-
      mkdir -p data/audit/${item.pillar} &&
      cp pillars/${item.pillar}.json data/audit/${item.pillar}/verdicts.json
    deps: ["pillars/${item.pillar}.json", "${paths.test}", "${paths.model}"]
    outs: ["data/audit/${item.pillar}"]
  report:
    cmd: mkdir -p data/report && cp pillars/summary.json ${paths.summary}
    deps: [pillars/summary.json, "${paths.audit}/fairness", "${paths.audit}/safety"]
    outs: ["${paths.summary}"]
"""


def verdict(name: str, status: Any = "pass", *evidence: str) -> dict[str, Any]:
    files = evidence or ("given/rows.csv",)
    return asdict(Verdict(name, status, 0.5, (0.4, 0.6), ">= 0.3", files, f"why {name}"))


def run(folder: Path, *command: str) -> str:
    """Run `command` with the environment of this Python first; return what it prints."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("DVC_", "GIT_"))}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def write(file: Path, *verdicts: dict[str, Any]) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"verdicts": list(verdicts)}))


def init(folder: Path) -> None:
    """Make `folder` a git and DVC repository that commits with nobody's own settings."""
    run(folder, "git", "init", "--quiet", "--initial-branch", "main")
    run(folder, "git", "config", "user.name", "A Tester")
    run(folder, "git", "config", "user.email", "tester@example.org")
    run(folder, "dvc", "init", "--quiet")
    run(folder, "dvc", "config", "core.analytics", "false")
    run(folder, "dvc", "config", "core.check_update", "false")


def commit(folder: Path, message: str) -> None:
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--no-verify", "--message", message)


def make(folder: Path) -> None:
    """Write the project into the new `folder`, run it and commit it."""
    folder.mkdir()
    init(folder)
    (folder / "dvc.yaml").write_text(DVC_YAML)
    params = (ROOT / "params.yaml").read_text(encoding="utf-8")
    # no test depends on the day on which it runs
    params = re.sub(r'due: "[0-9-]+"', 'due: "2999-12-31"', params)
    (folder / "params.yaml").write_text(params, encoding="utf-8")
    (folder / "code.py").write_text("one = 1\n")
    for name in ("charter", "quality", "splits", "evaluation"):
        write(folder / f"given/{name}.json", verdict(f"{name}.check"))
    for name in ("fairness", "safety"):
        write(folder / f"pillars/{name}.json", verdict(f"{name}.check"))
    write(folder / "pillars/summary.json", verdict("fairness.check"), verdict("report.check"))
    (folder / "given/model.bin").write_text("model 1\n")
    (folder / "given/rows.csv").write_text("a,b\n1,2\n")
    run(folder, "dvc", "repro", "--quiet")
    commit(folder, "first")
