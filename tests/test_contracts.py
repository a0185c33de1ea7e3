"""The repository keeps every contract, and a copy with a fault planted in it does not."""

import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests import contracts
from tests.contracts import House, imports, locked, param_keys, reads

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def house() -> House:
    return House(ROOT)


@pytest.mark.parametrize("contract", contracts.CONTRACTS, ids=lambda contract: contract.__name__)
def test_the_repository_keeps(contract: Callable[[House], list[str]], house: House) -> None:
    assert "\n".join(contract(house)) == ""


def test_there_is_something_to_hold_to_them(house: House) -> None:
    """A reader that finds nothing finds no fault."""
    bases = {stage.base for stage in house.stages}
    assert {"define", "ingest", "split", "train", "evaluate", "audit", "report"} <= bases
    assert all(
        len(contracts.closure(house, contracts.module_file(house, s))) > 1 for s in house.stages
    )
    assert sum(len(stage.params) for stage in house.stages) > 10
    assert sum(out.cached for stage in house.stages for out in stage.outs) > 10
    assert not all(out.cached for stage in house.stages for out in stage.outs)
    assert len(house.in_git) > 20
    assert len(locked(house.text("requirements.lock"))) > 50


# --- planted faults -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git tracks or would, as it stands now, and a repository of its own."""
    folder = tmp_path_factory.mktemp("copy") / "house"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for file in filter(None, listed.stdout.split("\0")):
        if (ROOT / file).is_file():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, folder / file)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def before(clean: Path) -> Callable[[Any], set[str]]:
    """What a contract finds in the copy before a fault is planted: nothing, on a good day."""
    house = House(clean)
    return cache(lambda contract: set(contract(house)))


def edit(file: str, old: str, new: str) -> Callable[[Path], None]:
    def plant(root: Path) -> None:
        text = (root / file).read_text()
        assert old in text, f"{file} has no {old!r}"
        (root / file).write_text(text.replace(old, new))

    return plant


def add(file: str, text: str) -> Callable[[Path], None]:
    def plant(root: Path) -> None:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        with (root / file).open("a") as opened:
            opened.write(text)
        subprocess.run(["git", "add", "--force", file], cwd=root, check=True)

    return plant


def declare(change: Callable[[Any], object]) -> Callable[[Path], None]:
    """Change the stages of dvc.yaml."""

    def plant(root: Path) -> None:
        yaml = YAML()
        document = yaml.load((root / "dvc.yaml").read_text())
        change(document["stages"])
        with (root / "dvc.yaml").open("w") as opened:
            yaml.dump(document, opened)

    return plant


def command(stage: str, more: str) -> Callable[[Path], None]:
    return declare(lambda stages: stages[stage].update(cmd=f"{stages[stage]['cmd']} {more}"))


def dependency(stage: str, path: str) -> Callable[[Path], None]:
    return declare(lambda stages: stages[stage]["deps"].append(path))


def everywhere(word: str) -> Callable[[Path], None]:
    """Take `word` out of all documents."""

    def plant(root: Path) -> None:
        for page in [root / "README.md", *(root / "docs").rglob("*.md")]:
            page.write_text(page.read_text().replace(word, "gone"))

    return plant


OTHER_STAGE = {"cmd": "python stages split --params ${paths.params}", "deps": ["stages/split.py"]}
# put together here, so that this file does not hold what it plants
MACHINE = "/".join(["", "home", "someone", "data.csv"])

PLANTS: list[tuple[Any, str, Callable[[Path], None], str]] = [
    (
        contracts.packages_hold_a_docstring,
        "code in a package",
        add("stages/core/__init__.py", "import os\n"),
        "stages/core/__init__.py holds more",
    ),
    (
        contracts.code_deps_are_the_import_closure,
        "an undeclared import",
        add("stages/split.py", "import stages.core.figures\n"),
        "split: deps lack stages/core/figures.py",
    ),
    (
        contracts.code_deps_are_the_import_closure,
        "an undeclared import inside a function",
        add("stages/split.py", "def f():\n    from stages.core import figures\n"),
        "split: deps lack stages/core/figures.py",
    ),
    (
        contracts.code_deps_are_the_import_closure,
        "an undeclared import far away, and relative",
        add("stages/core/tables.py", "from .figures import save\n"),
        "split: deps lack stages/core/figures.py",
    ),
    (
        contracts.code_deps_are_the_import_closure,
        "a declared file that is not imported",
        dependency("split", "stages/core/figures.py"),
        "split: stages/core/figures.py is in deps, not imported",
    ),
    (
        contracts.code_deps_are_the_import_closure,
        "a folder that holds more than is imported",
        dependency("split", "stages/core"),
        "split: stages/core/figures.py is in deps, not imported",
    ),
    (
        contracts.code_deps_are_the_import_closure,
        "a stage without a module",
        declare(lambda stages: stages["split"].update(cmd="python stages spilt")),
        "split: cmd runs no module",
    ),
    (
        contracts.files_beside_the_code_are_deps,
        "an undeclared template",
        lambda root: (
            add("stages/split.md.jinja", "text\n")(root),
            add("stages/split.py", "PAGE = Path(__file__).with_suffix('.md.jinja')\n")(root),
        )[0],
        "split: deps lack stages/split.md.jinja, which stages/split.py names",
    ),
    (
        contracts.files_beside_the_code_are_deps,
        "a template that nobody reads",
        add("stages/pages/old.jinja", "text\n"),
        "stages/pages/old.jinja: no module names it",
    ),
    *(
        (contracts.imports_obey_the_rules, f"{file}: {line}", add(file, f"{line}\n"), told)
        for file, line, told in [
            ("stages/core/files.py", "from stages import split", "must not import stages/split.py"),
            ("stages/core/files.py", "import operate.gate", "must not import operate/gate.py"),
            (
                "stages/train/__init__.py",
                "from stages.split import main",
                "must not import stages/split.py",
            ),
            ("stages/train/__init__.py", "import operate.gate", "must not import operate/gate.py"),
            (
                "stages/train/__init__.py",
                "import stages.launcher.warm",
                "must not import stages/launcher/",
            ),
            (
                "stages/train/__init__.py",
                "from stages.audit.evidence import x",
                "stages/audit/evidence.py",
            ),
            (
                "stages/audit/safety/__init__.py",
                "from .. import fairness",
                "stages/audit/fairness/__init__.py",
            ),
            (
                "stages/audit/evidence.py",
                "import stages.audit.safety",
                "stages/audit/safety/__init__.py",
            ),
            ("operate/gate.py", "import stages.train", "must not import stages/train/__init__.py"),
            (
                "stages/launcher/command.py",
                "import stages.train",
                "must not import stages/train/__init__.py",
            ),
        ]
    ),
    *(
        (contracts.params_are_what_the_code_reads, line, add("stages/split.py", code), told)
        for line, code, told in [
            (
                "an undeclared section",
                "def f(params):\n    chosen = read_params(params)\n    chosen.train.random_state\n",
                "split: params lack train.random_state, read at stages/split.py",
            ),
            (
                "a section around the declared one",
                "def f(params):\n    chosen = read_params(params)\n    g(chosen.charter)\n",
                "split: params lack charter, read at",
            ),
            (
                "passed on whole",
                "def f(params):\n    chosen = read_params(params)\n    g(chosen)\n",
                "`chosen` is passed on whole",
            ),
            (
                "another name",
                "def f(params):\n    p = read_params(params)\n    p.train\n",
                "assign read_params(...) to `chosen`",
            ),
            (
                "no name",
                "def f(params):\n    read_params(params).train\n",
                "assign read_params(...) to `chosen`",
            ),
            (
                "all params",
                "from stages.core.params import Params\n",
                "Params stays in core/params",
            ),
            ("renamed", "from stages.core.params import read_params as r\n", "take a section"),
        ]
    ),
    (
        contracts.params_are_what_the_code_reads,
        "a declared section that is not read",
        declare(lambda stages: stages["split"]["params"].append("explore.bins")),
        "split: explore.bins is in params, not read",
    ),
    (
        contracts.every_module_is_a_stage,
        "a module that no stage runs",
        add("stages/audit/luck.py", '"""Luck."""\ndef main():\n    pass\n'),
        "stages/audit/luck.py: defines main",
    ),
    (
        contracts.commands_take_paths_alone,
        "a parameter in cmd",
        command("split", "--seed ${split.random_state}"),
        "split: cmd inserts ${split.random_state}",
    ),
    (
        contracts.commands_take_paths_alone,
        "a value in cmd",
        command("split", "--seed 0"),
        "split: cmd has '0'",
    ),
    (
        contracts.commands_take_paths_alone,
        "a second command",
        command("split", "; touch x"),
        "split: cmd has ';'",
    ),
    (
        contracts.commands_take_paths_alone,
        "a file that is neither input nor output",
        command("split", "--more ${paths.source}"),
        "split: cmd has 'data/source/credit_default.csv.gz'",
    ),
    (
        contracts.commands_take_paths_alone,
        "a quote that does not end",
        command("split", "'"),
        "split: cmd cannot be read",
    ),
    (
        contracts.commands_take_paths_alone,
        "a flag without a path",
        command("split", "--more"),
        "split: cmd is not `python stages NAME",
    ),
    (
        contracts.commands_take_paths_alone,
        "an input that cmd does not name",
        dependency("split", "${paths.manifest}"),
        "split: data/ingest/manifest.json is declared and not in cmd",
    ),
    (
        contracts.outs_lie_in_the_stages_folder,
        "an output elsewhere",
        declare(lambda stages: stages["split"]["outs"].append("data/splits/more.csv")),
        "split: data/splits/more.csv is not under data/split/",
    ),
    (
        contracts.the_test_split_is_sealed,
        "a look before the audit",
        dependency("evaluate", "${paths.test}"),
        "evaluate: must not see data/split/test.parquet",
    ),
    (
        contracts.the_test_split_is_sealed,
        "a look through the folder",
        dependency("explore", "data/split"),
        "explore: must not see data/split/test.parquet",
    ),
    (
        contracts.the_environment_is_a_dep,
        "a stage without the lock",
        declare(lambda stages: stages["train"]["deps"].remove("${paths.lock}")),
        "train: deps lack requirements.lock",
    ),
    (
        contracts.the_environment_is_a_dep,
        "the linter's lock",
        dependency("train", "requirements-dev.lock"),
        "train: deps must not have requirements-dev.lock",
    ),
    (
        contracts.the_environment_is_a_dep,
        "the lock where nothing is computed",
        dependency("define", "${paths.lock}"),
        "define: deps must not have requirements.lock",
    ),
    (
        contracts.gitignore_lists_what_dvc_keeps,
        "a line that is missing",
        edit(".gitignore", "/data/split/test.parquet\n", ""),
        ".gitignore lacks /data/split/test.parquet",
    ),
    (
        contracts.gitignore_lists_what_dvc_keeps,
        "a line that hides what git keeps",
        add(".gitignore", "/data/evaluate\n"),
        ".gitignore hides data/evaluate/metrics.json",
    ),
    (
        contracts.gitignore_lists_what_dvc_keeps,
        "a file that DVC wrote",
        add("data/split/.gitignore", "/test.parquet\n"),
        "data/split/.gitignore: its lines belong in .gitignore",
    ),
    (
        contracts.git_holds_nothing_that_dvc_keeps,
        "an output in git",
        add("data/split/splits.json", "{}\n"),
        "data/split/splits.json is in git",
    ),
    (
        contracts.git_holds_nothing_that_dvc_keeps,
        "a file of a folder in git",
        add("data/explore/figures/x.png", "x\n"),
        "data/explore/figures/x.png is in git",
    ),
    *(
        (contracts.code_runs_nothing_it_is_given, code, add(file, f"{code}\n"), told)
        for file, code, told in [
            ("stages/core/files.py", "import pickle", "pickle: it runs what it reads"),
            ("stages/train/__init__.py", "import joblib", "joblib: it reads pickles"),
            ("stages/train/__init__.py", "from joblib import load", "joblib: it reads pickles"),
            ("stages/train/__init__.py", "import cloudpickle as c", "cloudpickle: it runs"),
            ("operate/gate.py", "eval('1')", "eval() runs what it is given"),
            ("operate/gate.py", "frame.eval('1')", "eval() runs what it is given"),
            ("operate/gate.py", "exec('1')", "exec() runs what it is given"),
            ("stages/train/__init__.py", "pandas.read_pickle('x')", "read_pickle() runs"),
            ("stages/train/__init__.py", "importlib.import_module('x')", "import_module() runs"),
            ("stages/explore.py", "import matplotlib.pyplot as plt", "matplotlib.pyplot: it keeps"),
            ("stages/explore.py", "from matplotlib import pyplot", "matplotlib.pyplot: it keeps"),
        ]
    ),
    (
        contracts.no_path_of_a_machine,
        "in the code",
        add("stages/train/__init__.py", f"HERE = '{MACHINE}'\n"),
        "stages/train/__init__.py:",
    ),
    (
        contracts.no_path_of_a_machine,
        "the folder of this very checkout",
        lambda root: add("README.md", f"cd {root}/data\n")(root),
        "README.md:",
    ),
    (
        contracts.locks_are_whole,
        "a package without a hash",
        add("requirements.lock", "something==1.0\n"),
        "requirements.lock: something has no hash",
    ),
    (
        contracts.locks_are_whole,
        "a package without a version",
        add("requirements.lock", f"something --hash=sha256:{'0' * 64}\n"),
        "requirements.lock: something has no hash",
    ),
    (
        contracts.locks_are_whole,
        "a dependency that is not locked",
        edit("pyproject.toml", "dependencies = [\n", 'dependencies = [\n    "flask",\n'),
        "requirements.lock: lacks flask",
    ),
    (
        contracts.locks_are_whole,
        "a dependency locked at another version",
        edit("pyproject.toml", '"pandas>=3.0"', '"pandas>=99"'),
        "requirements.lock: pandas",
    ),
    (
        contracts.locks_are_whole,
        "two locks that differ",
        edit("requirements-dev.lock", "\npandas==", "\npandas==9"),
        "requirements-dev.lock: pandas is not the version of requirements.lock",
    ),
    (
        contracts.every_name_has_its_line,
        "a stage",
        declare(lambda stages: stages.update(unheard=OTHER_STAGE)),
        "stage unheard has no line",
    ),
    (
        contracts.every_name_has_its_line,
        "a metric",
        everywhere("balanced_accuracy"),
        "metric balanced_accuracy has no line",
    ),
    (
        contracts.every_name_has_its_line,
        "a param",
        everywhere("false_negative"),
        "param charter.costs.false_negative has no line",
    ),
    (
        contracts.every_name_has_its_line,
        "a param of an estimator",
        everywhere("max_leaf_nodes"),
        "param train.candidates.max_leaf_nodes has no line",
    ),
]


@pytest.mark.parametrize(
    ("contract", "plant", "told"),
    [(contract, plant, told) for contract, _, plant, told in PLANTS],
    ids=[f"{contract.__name__}: {name}" for contract, name, _, _ in PLANTS],
)
def test_a_planted_fault_is_found(
    contract: Callable[[House], list[str]],
    plant: Callable[[Path], None],
    told: str,
    clean: Path,
    before: Callable[[Any], set[str]],
    tmp_path: Path,
) -> None:
    root = tmp_path / "house"
    shutil.copytree(clean, root, symlinks=True)
    plant(root)
    found = set(contract(House(root))) - before(contract)
    assert any(told in fault for fault in found), found or "no fault found"


def test_every_contract_has_a_planted_fault() -> None:
    assert {plant[0] for plant in PLANTS} == set(contracts.CONTRACTS)


# --- the readers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import stages.core.files", {"files"}),
        ("import stages.core.files as f, stages.core.errors", {"files", "errors"}),
        ("from stages.core import files, errors", {"files", "errors"}),
        ("from stages.core.files import published", {"files"}),
        ("from ..core import files", {"files"}),
        ("from ..core.files import published", {"files"}),
        ("from . import evidence", {"evidence"}),
        ("from .evidence import conduct", {"evidence"}),
        ("def f():\n    if True:\n        import stages.core.files", {"files"}),
        ("import json\nfrom pathlib import Path", set()),
        ("text = 'import stages.core.files'", set()),
    ],
)
def test_imports_are_found_in_every_form(tmp_path: Path, code: str, found: set[str]) -> None:
    for file in ("core/files.py", "core/errors.py", "audit/evidence.py", "audit/safety.py"):
        (tmp_path / "stages" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "stages" / file).touch()
    (tmp_path / "stages/audit/safety.py").write_text(code)
    assert {Path(f).stem for f in imports(House(tmp_path), "stages/audit/safety.py")} == found


@pytest.mark.parametrize(
    ("code", "keys"),
    [
        ("chosen.charter.target.column", ["charter.target.column"]),
        ("chosen.validate_.duplicates", ["validate.duplicates"]),
        ("chosen.train.candidates['a'].C", ["train.candidates"]),
        ("f(chosen.split, x=chosen.charter.key)", ["charter.key", "split"]),
        ("[chosen.split for _ in ()]", ["split"]),
        ("g = lambda: chosen.split", ["split"]),
    ],
)
def test_the_keys_that_code_reads_are_found(code: str, keys: list[str]) -> None:
    main = f"def main(params):\n    chosen = read_params(params)\n    {code}\n"
    found, hidden = reads(main)
    assert (sorted(found), hidden) == (keys, [])


def test_another_variable_called_chosen_is_no_matter() -> None:
    assert reads("def f(rows):\n    chosen = rows\n    return chosen\n") == ({}, [])


def test_the_keys_of_params_are_discovered() -> None:
    keys = set(param_keys(contracts.Params))
    assert {
        "charter.target.column",
        "charter.success_criteria",
        "validate.single_feature_leakage.roc_auc",
        "train.candidates",
        "train.candidates.learning_rate",
        "tune.space.log",
        "audit.fairness.min_group_size",
    } <= keys
    assert not keys & {"charter", "validate_", "charter.target"}
