"""The Makefile's environment, with a stand-in for Python that only notes what it is asked."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PYTHON = """\
#!/bin/sh
# A Python that makes virtual environments of itself and installs nothing.
case "$*" in
  *version_info*) [ "$(basename "$0")" != too-old ] ;;
  *_base_executable*) cat "$(dirname "$0")/base" ;;
  "-m venv "*)
    [ ! -e "$HERE/no-venv" ] || exit 1
    echo "venv by $(basename "$0")" >>"$HERE/log"
    mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && echo "$0" >"$3/bin/base"
    printf '#!/bin/sh\\necho "its own dvc $*"\\n' >"$3/bin/dvc" && chmod +x "$3/bin/dvc" ;;
  "-m pip "*)
    echo "pip: $*" >>"$HERE/log"
    [ ! -e "$HERE/kill" ] || kill -9 $PPID $$ ;;
esac
"""


class House:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repo = folder / "repo"
        self.repo.mkdir()
        shutil.copy(ROOT / "Makefile", self.repo)
        (self.repo / "requirements.lock").write_text("a==1\n")
        (self.repo / "requirements-dev.lock").write_text("a==1\nb==1\n")
        (folder / "bin").mkdir()
        for name in ("python", "too-old", "python9"):
            (folder / "bin" / name).write_text(PYTHON)
            (folder / "bin" / name).chmod(0o755)

    def make(self, *arguments: str, python: str = "python") -> subprocess.CompletedProcess[str]:
        pythons = " ".join(str(self.folder / "bin" / name) for name in python.split())
        return self.run(*arguments, f"PYTHON={pythons}")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", "--no-print-directory", *arguments],
            cwd=self.repo,
            env={"PATH": os.environ["PATH"], "HERE": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )

    def log(self) -> list[str]:
        """What was done since the last call: ``venv by ...`` and the last word of each pip."""
        file = self.folder / "log"
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return [line if line.startswith("venv") else line.split()[-1] for line in lines]


MADE = ["venv by python", "requirements.lock", "."]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def change(file: Path) -> None:
    """Change `file`, and be sure that make sees it: clocks are coarse."""
    file.write_text(file.read_text() + "c==1\n")
    later = file.stat().st_mtime + 5
    os.utime(file, (later, later))


def test_the_second_make_installs_nothing(house: House) -> None:
    assert house.make("install").returncode == 0
    assert house.log() == MADE
    assert house.make("install").returncode == 0
    assert house.log() == []


def test_hashes_are_required(house: House) -> None:
    house.make("install")
    text = (house.folder / "log").read_text()
    assert "--require-hashes -r requirements.lock" in text


def test_the_dev_environment_is_added_once(house: House) -> None:
    house.make(".venv/.installed-dev")
    assert house.log() == [*MADE, "requirements-dev.lock"]
    house.make(".venv/.installed-dev")
    assert house.log() == []


def test_another_lock_is_another_environment(house: House) -> None:
    house.make("install")
    (house.repo / ".venv/left-over").touch()
    change(house.repo / "requirements.lock")
    house.log()
    assert house.make("install").returncode == 0
    assert house.log() == MADE
    assert not (house.repo / ".venv/left-over").exists()
    house.make("install")
    assert house.log() == []


def test_the_same_lock_with_a_newer_date_is_the_same(house: House) -> None:
    house.make(".venv/.installed-dev")
    house.log()
    for name in ("requirements.lock", "requirements-dev.lock"):
        os.utime(house.repo / name, (2**31, 2**31))
    assert house.make(".venv/.installed-dev").returncode == 0
    assert house.log() == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_that_changes_renews_the_dev_environment(house: House, name: str) -> None:
    house.make(".venv/.installed-dev")
    house.log()
    change(house.repo / name)
    assert house.make(".venv/.installed-dev").returncode == 0
    assert house.log() == [*MADE, "requirements-dev.lock"]
    house.make(".venv/.installed-dev")
    assert house.log() == []


@pytest.mark.parametrize("target", ["install", ".venv/.installed-dev"])
def test_a_killed_install_leaves_no_stamp(house: House, target: str) -> None:
    if target != "install":
        house.make("install")
    (house.folder / "kill").touch()
    assert house.make(target).returncode != 0
    (house.folder / "kill").unlink()
    house.log()
    assert house.make(target).returncode == 0
    assert house.log() == MADE + ([] if target == "install" else ["requirements-dev.lock"])
    house.make(target)
    assert house.log() == []


def test_a_moved_environment_is_told(house: House) -> None:
    house.make("install")
    moved = house.folder / "moved"
    house.repo.rename(moved)
    house.repo = moved
    done = house.make("install")
    assert done.returncode != 0
    assert ".venv was moved here from" in done.stderr
    assert "rm -r .venv" in done.stderr
    assert not any("pip" in line for line in house.log()[len(MADE) :])


def test_an_environment_whose_python_is_gone_is_told(house: House) -> None:
    house.make("install")
    (house.repo / ".venv/bin/python").unlink()
    (house.repo / ".venv/bin/python").symlink_to(house.folder / "gone")
    done = house.make("install")
    assert done.returncode != 0
    assert "the Python that .venv was made from is gone" in done.stderr


def test_the_first_python_in_range_is_taken(house: House) -> None:
    assert house.make("install", python="not-there too-old python9 python").returncode == 0
    assert house.log()[0] == "venv by python9"


def test_no_python_in_range_is_told(house: House) -> None:
    done = house.make("install", python="not-there too-old")
    assert done.returncode != 0
    assert "no Python 3.11 to 3.13 among" in done.stderr
    assert not (house.repo / ".venv").exists()


def test_a_python_without_venv_is_told(house: House) -> None:
    (house.folder / "no-venv").touch()
    done = house.make("install")
    assert done.returncode != 0
    assert "python3-venv" in done.stderr


def test_a_renewed_environment_keeps_its_python_unless_one_is_named(house: House) -> None:
    house.make("install", python="python9")
    change(house.repo / "requirements.lock")
    house.log()
    assert house.run("install").returncode == 0
    assert house.log()[0] == "venv by python9"
    change(house.repo / "requirements.lock")
    os.utime(house.repo / "requirements.lock", (2**31, 2**31))
    assert house.make("install", python="python").returncode == 0
    assert house.log()[0] == "venv by python"


def test_tasks_run_the_tools_of_the_environment(house: House) -> None:
    assert "its own dvc repro" in house.make("repro").stdout


def test_help_lists_every_task(house: House) -> None:
    tasks = set(re.findall(r"^\.PHONY: (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE))
    listed = set(re.findall(r"^  make (\S+) ", house.run().stdout, re.MULTILINE))
    assert listed == tasks - {"whole"}
    assert {"install", "repro", "test", "lint", "types", "verify", "gate", "lock"} <= listed
