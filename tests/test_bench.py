import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.bench import CHANGED, FIGURES, Timed, arguments_of, cost_line, line, scale
from stages.core.params import read_params

ROOT = Path(__file__).parent.parent


def test_a_line_holds_medians_and_their_ratio() -> None:
    slow, fast = Timed("slow", [3.0, 9.0, 3.2]), Timed("fast", [2.0, 1.0, 2.1, 50.0])
    assert line("some", 1.5, slow, fast) == {
        "figure": "some",
        "ratio": 1.56,
        "bar": 1.5,
        "numerator": {"what": "slow", "seconds": 3.2},
        "denominator": {"what": "fast", "seconds": 2.05},
        "runs": 3,
    }


def test_the_arguments_of_a_command() -> None:
    command = "python stages audit.safety --params params.yaml --table 'a b.parquet'\n"
    expected = ["audit.safety", "--params", "params.yaml", "--table", "a b.parquet"]
    assert arguments_of(command) == expected
    for other in ("python train.py", "python stages"):
        with pytest.raises(ValueError, match="python stages STAGE"):
            arguments_of(other)


def test_scale_changes_one_number(tmp_path: Path) -> None:
    copy = tmp_path / "params.yaml"
    copy.write_text((ROOT / "params.yaml").read_text())
    scale(copy, CHANGED, 2)
    before, after = (read_params(path).model_dump() for path in (ROOT / "params.yaml", copy))
    *sections, last = CHANGED.split(".")
    inner = before
    for section in sections:
        inner = inner[section]
    inner[last] *= 2
    assert after == before
    with pytest.raises(KeyError):
        scale(copy, "train.nothing", 2)


def test_one_process_runs_stages_and_stops_at_the_first_that_fails(tmp_path: Path) -> None:
    core = tmp_path / "stages/core"
    core.mkdir(parents=True)
    (tmp_path / "stages/launcher").symlink_to(ROOT / "stages/launcher")
    for name in ("errors.py", "stage.py"):
        (core / name).symlink_to(ROOT / "stages/core" / name)
    (tmp_path / "stages/say.py").write_text(
        "import os\n"
        "def main(*, out):\n"
        "    print(out, os.environ['OMP_NUM_THREADS'], flush=True)\n"
        "    out.read_text()\n"
    )
    (tmp_path / "there").write_text("")
    stages = [["say", "--out", "there"], ["say", "--out", "not"], ["say", "--out", "there"]]
    ended = subprocess.run(
        [sys.executable, ROOT / "bench/one_process.py"],
        cwd=tmp_path,
        input=json.dumps(stages),
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stdout) == (2, "there 1\nnot 1\n")
    assert ended.stderr == "error: not: No such file or directory\n"


def test_the_line_of_the_audit_sums_seconds_and_takes_the_most_memory() -> None:
    found = {
        "audit.safety": {"cpu_seconds": [3.0, 9.0, 3.2], "peak_mib": [300.0, 310.0, 320.0]},
        "audit.fairness": {"cpu_seconds": [2.0, 1.0, 2.1], "peak_mib": [500.0, 400.0, 450.0]},
    }
    told = cost_line(found)
    assert (told["cpu_seconds"], told["peak_mib"], told["runs"]) == (5.2, 450, 3)
    assert told["pillars"]["safety"] == {"cpu_seconds": 3.2, "peak_mib": 310.0}


def test_the_cost_of_a_stage_is_that_of_its_process(tmp_path: Path) -> None:
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/__main__.py").write_text(
        "import os, sys\n"
        "held = b'x' * (600 * 2**20) if sys.argv[1] == 'much' else b''\n"
        "sys.exit(3 if os.environ['LOOPWRIGHT_WARM'] != '0' or sys.argv[1] == 'wrong' else 0)\n"
    )
    # A process is born with the size of its parent: pytest's may be larger than any stage.
    measured = (
        "import json, sys; from pathlib import Path; from bench.bench import Clone\n"
        "clone = Clone.__new__(Clone)\n"
        "clone.root, clone.environ = Path(sys.argv[1]), {}\n"
        "print(json.dumps(clone.cost([sys.argv[2]])))\n"
    )

    def cost(kind: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", measured, tmp_path, kind]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    seconds, much = json.loads(cost("much").stdout)
    assert 600 < much < 700
    assert seconds > 0
    assert "CalledProcessError" in cost("wrong").stderr


def test_figures_are_named_on_the_command_line() -> None:
    command = [sys.executable, ROOT / "bench/bench.py", "--figure", "nothing"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 2
    assert all(figure in ended.stderr for figure in [*FIGURES, "audit"])
