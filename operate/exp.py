"""`dvc exp run`, after a look at what it would take for granted.

DVC runs what it is given: a key that no stage reads, a value that a stage refuses after
minutes, a file that no clone has. What is asked for is held against the repository first;
then DVC runs it, with its own flags and output.
"""

import ast
import logging
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from operate.pipeline import read_pipeline
from stages.core.errors import LoopwrightError, did_you_mean
from stages.core.params import read_params

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_REF = re.compile(r"^refs/exps/[0-9a-f]{2}/[0-9a-f]{38}/(.+)$")


@dataclass(frozen=True)
class Experiment:
    """What is to be tried.

    Attributes:
        name: what it is called; letters, digits, ``_`` and ``-``.
        message: the hypothesis; DVC keeps it as the message of the experiment's commit.
        overrides: ``key=value`` each, for params.yaml.
        queue: whether it waits for `dvc queue start`; needed for lists of values.
    """

    name: str
    message: str
    overrides: tuple[str, ...] = ()
    queue: bool = False


def run(root: Path, experiment: Experiment) -> int:
    """Check an experiment and let DVC run it; return DVC's exit code.

    Raises:
        LoopwrightError: as `check`.
    """
    check(root, experiment)
    command = [sys.executable, "-m", "dvc", "exp", "run", "-n", experiment.name]
    command += ["-m", experiment.message, *(["--queue"] if experiment.queue else [])]
    for override in experiment.overrides:
        command += ["-S", override]
    return subprocess.run(command, cwd=root, check=False).returncode


def check(root: Path, experiment: Experiment) -> None:
    """Refuse what DVC would run all the same.

    Raises:
        LoopwrightError: the name is taken or is none; there is no message; a key is not in
            params.yaml or is read by no stage; a value does not fit; or a stage reads a
            file that is not in git.
    """
    _check_name(root, experiment.name)
    if not experiment.message.strip():
        raise LoopwrightError('-m: say what you expect and why: -m "fewer leaves overfit less"')
    pipeline = read_pipeline(root)
    params = root / pipeline.path("params")
    inputs = _inputs(root)
    for override in experiment.overrides:
        _check_key(override, params, inputs.params)
    _check_values(experiment, params)
    untracked = sorted({*_untracked_deps(root, inputs), *_untracked_imports(root)})
    if untracked:
        raise LoopwrightError(
            f"a stage reads what is not in git: {', '.join(untracked)}; the queue would run "
            "without it, and nobody could repeat the result: `git add` it first"
        )


def _check_name(root: Path, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise LoopwrightError(
            f"-n: '{name}' is no name for an experiment; letters, digits, '_' and '-' are possible"
        )
    refs = _git(root, "for-each-ref", "--format=%(refname)", "refs/exps").splitlines()
    names = {found[1] for ref in refs if (found := _REF.match(ref))}
    # the queue keeps its experiments in a reflog: "dvc-exp:<rev>:<baseline>:<name>"
    waiting = _git(root, "log", "-g", "--format=%gs", "refs/exps/celery/stash", may_fail=True)
    names |= {line.rpartition(":")[2] for line in waiting.splitlines()}
    # a list of values becomes name-1, name-2 ...
    taken = sorted(n for n in names if n == name or re.fullmatch(rf"{re.escape(name)}-\d+", n))
    if taken:
        raise LoopwrightError(
            f"-n: there is an experiment '{taken[0]}' already; take another name, or "
            f"`dvc exp remove {taken[0]}` (`dvc queue remove` while it waits)"
        )


def _git(root: Path, *arguments: str, may_fail: bool = False) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0 and not may_fail:
        raise LoopwrightError(f"git {arguments[0]}: {done.stderr.strip()}")
    return "" if done.returncode else done.stdout


@dataclass(frozen=True)
class _Inputs:
    params: frozenset[str]  # dotted keys that a stage reads
    files: frozenset[str]  # inputs that no stage and no .dvc file writes


def _inputs(root: Path) -> _Inputs:
    """Return what the stages read, as DVC resolves it."""
    from dvc.dependency.param import ParamsDependency
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.ERROR)
    try:
        with Repo(str(root)) as repo:
            stages = list(repo.index.stages)
            outs = {out.fs_path for stage in stages for out in stage.outs}
            deps = [dep for stage in stages for dep in stage.deps]
            keys = {
                key for d in deps if isinstance(d, ParamsDependency) for key in (d.params or [])
            }
            files = {
                Path(dep.fs_path).relative_to(repo.root_dir).as_posix()
                for dep in deps
                if dep.is_in_repo
                and not isinstance(dep, ParamsDependency)
                and not any(dep.fs_path == o or o.startswith(f"{dep.fs_path}/") for o in outs)
            }
    except DvcException as fault:
        raise LoopwrightError(f"DVC cannot read the repository: {fault}") from None
    return _Inputs(frozenset(keys), frozenset(files))


# --- parameters -----------------------------------------------------------------------------


def _check_key(override: str, params: Path, read: frozenset[str]) -> None:
    key, equals, _ = override.partition("=")
    where = f"-S {override}:"
    if not equals:
        raise LoopwrightError(f"{where} key=value was expected")
    if key.startswith(("+", "~")):
        raise LoopwrightError(
            f"{where} a key cannot be added or taken away here, for every key is declared; "
            f"edit {params.name} instead"
        )
    file, colon, plain = key.rpartition(":")
    if colon and file != params.name:
        raise LoopwrightError(f"{where} no stage reads parameters from {file}")
    document: Any = YAML(typ="safe").load(params.read_text(encoding="utf-8"))
    known = list(_keys(document))
    if plain not in known:
        raise LoopwrightError(f"{where} {params.name} has no '{plain}'{did_you_mean(plain, known)}")
    if not any(plain == k or plain.startswith(f"{k}.") or k.startswith(f"{plain}.") for k in read):
        raise LoopwrightError(
            f"{where} no stage reads '{plain}', so nothing would change; edit {params.name} instead"
        )


def _keys(tree: Any, above: str = "") -> Iterator[str]:
    """Yield the dotted key of every section and value."""
    if isinstance(tree, dict):
        for key, inner in tree.items():
            yield f"{above}{key}"
            yield from _keys(inner, f"{above}{key}.")


def _check_values(experiment: Experiment, params: Path) -> None:
    """Read params.yaml as it would be, once for each combination of values."""
    from dvc.exceptions import DvcException
    from dvc.utils.hydra import apply_overrides, get_hydra_sweeps, to_hydra_overrides

    plain = [override.removeprefix(f"{params.name}:") for override in experiment.overrides]
    if not plain:
        return
    try:
        is_sweep = any(override.is_sweep_override() for override in to_hydra_overrides(plain))
        if is_sweep and not experiment.queue:
            raise LoopwrightError("-S with several values: add --queue, then `dvc queue start`")
        sweeps = [sweep["it"] for sweep in get_hydra_sweeps({"it": plain})] if is_sweep else [plain]
        with tempfile.TemporaryDirectory() as folder:
            for overrides in sweeps:
                changed = Path(folder) / params.name
                shutil.copyfile(params, changed)
                apply_overrides(changed, overrides)
                try:
                    read_params(changed)
                except LoopwrightError as fault:
                    told = re.sub(r":\d+:", ":", str(fault).replace(f"{folder}/", ""))
                    raise LoopwrightError(f"-S {' -S '.join(overrides)}: {told}") from None
    except DvcException as fault:
        raise LoopwrightError(f"-S: {fault}: {fault.__cause__}") from None
    except _hydra_faults() as fault:
        raise LoopwrightError(f"-S: {fault}") from None


def _hydra_faults() -> tuple[type[Exception], ...]:
    from hydra.errors import HydraException

    return (HydraException,)


# --- files that git does not have -----------------------------------------------------------


def _untracked_deps(root: Path, inputs: _Inputs) -> Iterator[str]:
    """Yield the inputs of stages, and the files in folders that are inputs, that git lacks."""
    tracked = set(_listed(root, "--cached"))
    others = _listed(root, "--others", "--exclude-standard")
    for dep in inputs.files:
        if (root / dep).is_dir():
            yield from (file for file in others if file.startswith(f"{dep}/"))
        elif (root / dep).exists() and dep not in tracked:
            yield dep


def _untracked_imports(root: Path) -> Iterator[str]:
    """Yield the untracked modules that code in git imports, and those that they import."""
    others = {file for file in _listed(root, "--others", "--", "stages") if file.endswith(".py")}
    reached = [f for f in _listed(root, "--cached", "--", "stages") if f.endswith(".py")]
    while reached:
        named = {name for file in reached for name in _imported(root, file)}
        reached = sorted(file for file in others if _module(file) in named)
        others -= set(reached)
        yield from reached


def _listed(root: Path, *which: str) -> list[str]:
    return [file for file in _git(root, "ls-files", "-z", *which).split("\0") if file]


def _module(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imported(root: Path, file: str) -> Iterator[str]:
    """Yield the dotted names that a module imports, and those around them."""
    try:
        tree = ast.parse((root / file).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError):
        return  # its stage will say so
    package = _module(file) if file.endswith("__init__.py") else _module(file).rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from _around(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            above = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            base = ".".join(part for part in (above, node.module) if part)
            yield from _around([base, *(f"{base}.{alias.name}" for alias in node.names)])


def _around(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        parts: Sequence[str] = name.split(".")
        yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))
