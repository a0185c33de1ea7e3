"""What DVC cannot see, as checks of a tree: each takes a `House` and returns its faults.

`tests/test_contracts.py` holds the repository to all of them, and plants a fault of each
kind in a copy to show that it is found.
"""

import ast
import re
import shlex
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path, PurePosixPath
from typing import Any, TypeGuard, get_args

from dvc.repo import Repo
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

from stages.core.documents import Section
from stages.core.metrics import METRICS
from stages.core.params import Params

LOCK, DEV_LOCK, PARAMS = "requirements.lock", "requirements-dev.lock", "params.yaml"
UNLOCKED = {"define"}  # it holds texts against each other and computes nothing
SEALED = {"audit"}  # who may look at the test split

Faults = list[str]


# --- the tree -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Out:
    path: str
    cached: bool


@dataclass(frozen=True)
class Stage:
    """A stage as DVC resolves it: no `${...}` is left."""

    name: str  # audit@fairness
    cmd: str
    deps: tuple[str, ...]
    params: tuple[str, ...]
    outs: tuple[Out, ...]

    @property
    def base(self) -> str:
        return self.name.partition("@")[0]

    @property
    def module(self) -> str:
        """The module that it runs: ``audit.fairness``."""
        words = self.cmd.split()
        return words[2] if words[:2] == ["python", "stages"] and len(words) > 2 else ""


@dataclass(frozen=True)
class House:
    """A checkout, or a copy of one, that is a git and DVC repository."""

    root: Path

    @cached_property
    def declared(self) -> Any:
        """dvc.yaml as it is written."""
        return YAML(typ="safe").load((self.root / "dvc.yaml").read_text())

    @cached_property
    def paths(self) -> dict[str, str]:
        return next(dict(block["paths"]) for block in self.declared["vars"] if "paths" in block)

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        return _resolved(self.text("dvc.yaml"), self.text(PARAMS))

    @cached_property
    def modules(self) -> dict[str, str]:
        """Each module of stages/ and operate/ by its file: its dotted name."""
        return {
            file: file.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")
            for package in ("stages", "operate")
            for file in sorted(
                path.relative_to(self.root).as_posix()
                for path in (self.root / package).rglob("*.py")
            )
        }

    @cached_property
    def files(self) -> dict[str, str]:
        """Each module by its dotted name: its file."""
        return {name: file for file, name in self.modules.items()}

    @cached_property
    def packages(self) -> set[str]:
        """Each `__init__.py` that only marks a folder: a docstring, and no stage's module."""
        run = {f"stages.{stage.module}" for stage in self.stages}
        return {
            file
            for file, name in self.modules.items()
            if file.endswith("/__init__.py") and name not in run and self.is_a_docstring(file)
        }

    def is_a_docstring(self, file: str) -> bool:
        """Whether a module is a docstring and nothing else."""
        root = self.nodes(file)[0]
        assert isinstance(root, ast.Module)
        return len(root.body) == 1 and ast.get_docstring(root) is not None

    def nodes(self, file: str) -> tuple[ast.AST, ...]:
        """The syntax tree of a module, its root first, flat."""
        return _nodes(self.text(file))

    def text(self, file: str) -> str:
        return (self.root / file).read_text()

    @cached_property
    def in_git(self) -> list[str]:
        """What git tracks, and what is there to be."""
        return [file for file in _git(self.root, "ls-files") if (self.root / file).is_file()]


@cache  # DVC takes half a second
def _resolved(dvc_yaml: str, params: str) -> tuple[Stage, ...]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "dvc.yaml").write_text(dvc_yaml)
        Path(folder, PARAMS).write_text(params)
        with Repo.init(folder, no_scm=True) as repo:
            return tuple(
                Stage(
                    stage.name,
                    stage.cmd,
                    tuple(d.def_path for d in stage.deps if not hasattr(d, "params")),
                    tuple(p for d in stage.deps for p in getattr(d, "params", ())),
                    tuple(Out(o.def_path, bool(o.use_cache)) for o in stage.outs),
                )
                for stage in repo.index.stages
                if stage.cmd
            )


@cache  # most modules of a copy are those of the original
def _nodes(text: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(text)))


def _git(root: Path, *arguments: str) -> list[str]:
    done = subprocess.run(
        ["git", *arguments, "-z"], cwd=root, capture_output=True, text=True, check=False
    )
    return sorted(filter(None, done.stdout.split("\0")))


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


# --- imports ------------------------------------------------------------------------------


def imports(house: House, file: str) -> dict[str, int]:
    """The project's files that `file` imports, anywhere in it, with the line of each."""
    package = house.modules[file].split(".")
    if not file.endswith("__init__.py"):
        package.pop()
    found: dict[str, int] = {}
    for level, base, names, line in _imported(house.text(file)):
        above = package[: len(package) - level + 1] if level else []
        base = ".".join([*above, *filter(None, [base])])
        for name in names or [""]:
            # `from package import name`: a module of that name, else something in the package
            module = f"{base}.{name}" if f"{base}.{name}" in house.files else base
            if module in house.files:
                found.setdefault(house.files[module], line)
    return found


@cache
def _imported(text: str) -> list[tuple[int, str | None, list[str], int]]:
    """Each import: how many dots, from what, which names, on which line."""
    found: list[tuple[int, str | None, list[str], int]] = []
    for node in _nodes(text):
        if isinstance(node, ast.Import):
            found += [(0, alias.name, [], node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [alias.name for alias in node.names]
            found.append((node.level, node.module, names, node.lineno))
    return found


def closure(house: House, file: str) -> set[str]:
    """`file` and all that it imports, and all that those import.

    To import a module runs the `__init__.py` of each folder above it as well. One that holds
    a docstring and nothing else is left out.
    """
    found: set[str] = set()
    todo = [file]
    while todo:
        file = todo.pop()
        if file not in found:
            found.add(file)
            todo += imports(house, file)
            above = (f"{folder}/__init__.py" for folder in PurePosixPath(file).parents)
            todo += [package for package in above if package in house.modules]
    return found - house.packages


def module_file(house: House, stage: Stage) -> str:
    return house.files.get(f"stages.{stage.module}", f"stages/{stage.module}.py")


# The packages that are above every stage, or all but a few.
ABOVE = ("stages/__init__.py", "stages/audit/__init__.py", "stages/core/__init__.py")


def packages_hold_a_docstring(house: House) -> Faults:
    """Importing a module runs the `__init__.py` above it: what it holds, all would depend on."""
    return [
        f"{file} holds more than a docstring" for file in ABOVE if not house.is_a_docstring(file)
    ]


def code_deps_are_the_import_closure(house: House) -> Faults:
    """A stage depends on each file that it can import and on no other code."""
    faults = []
    for stage in house.stages:
        file = module_file(house, stage)
        if file not in house.modules:
            faults.append(f"{stage.name}: cmd runs no module of stages/")
            continue
        needed = closure(house, file)
        listed = {dep for dep in stage.deps if dep.endswith(".py")}
        listed |= {module for dep in stage.deps for module in house.modules if _inside(module, dep)}
        faults += [f"{stage.name}: deps lack {dep}" for dep in sorted(needed - listed)]
        faults += [f"{stage.name}: {dep} is in deps, not imported" for dep in listed - needed]
    return faults


def files_beside_the_code_are_deps(house: House) -> Faults:
    """A template that a module names is a dep of each stage that imports the module."""
    faults = []
    for path in sorted((house.root / "stages").rglob("*")):
        file = path.relative_to(house.root).as_posix()
        if path.is_dir() or path.suffix in (".py", ".pyc"):
            continue
        readers = [module for module in house.modules if _names(house, module, file)]
        if not readers:
            faults.append(f"{file}: no module names it")
        for stage in house.stages:
            if module_file(house, stage) not in house.modules:
                continue
            reads = closure(house, module_file(house, stage)) & set(readers)
            listed = any(_inside(file, dep) for dep in stage.deps)
            if reads and not listed:
                faults.append(f"{stage.name}: deps lack {file}, which {min(reads)} names")
    return faults


def _names(house: House, module: str, file: str) -> bool:
    """Whether a text in `module` is the name of `file`, its ending, or a folder above it."""
    here = PurePosixPath(module)
    if not _inside(file, here.parent.as_posix()):
        return False
    below = PurePosixPath(file).relative_to(here.parent).parts
    possible = {*below, "/".join(below), below[-1].removeprefix(here.stem)}
    return bool(possible & _texts(house.text(module)))


@cache
def _texts(text: str) -> frozenset[str]:
    nodes = (node.value for node in _nodes(text) if isinstance(node, ast.Constant))
    return frozenset(value for value in nodes if isinstance(value, str))


def imports_obey_the_rules(house: House) -> Faults:
    """`core` imports `core`; a stage imports `core`; `operate` imports `operate` and `core`.

    A stage of several files also imports the files beside it, but never another stage.
    The launcher starts stages and is imported by none.
    """
    stages = {module_file(house, stage) for stage in house.stages}
    faults = []
    for file in house.modules:
        own = _unit(file)
        allowed = {"stages/core", own}
        for target, line in imports(house, file).items():
            free = _unit(target) in allowed or target in house.packages
            if not free or target in stages - {file}:
                faults.append(f"{file}:{line}: must not import {target}")
    return faults


def _unit(file: str) -> str:
    """What belongs together: ``operate``, ``stages/core``, ``stages/audit``, ``stages/train``."""
    parts = PurePosixPath(file).with_suffix("").parts
    if parts[0] == "operate":
        return "operate"
    # what starts a stage: `python stages` and the launcher behind it
    return "stages/launcher" if parts[1] == "__main__" else "/".join(parts[:2])


# --- params -------------------------------------------------------------------------------


def params_are_what_the_code_reads(house: House) -> Faults:
    """`params:` lists each section that a stage reads, and none that it does not.

    The code reads by attribute alone, from a variable `chosen`, so that this can be seen.
    """
    faults = []
    for stage in house.stages:
        if module_file(house, stage) not in house.modules:
            continue
        used: dict[str, str] = {}
        for file in sorted(closure(house, module_file(house, stage))):
            chains, hidden = reads(house.text(file))
            used |= {chain: f"{file}:{line}" for chain, line in chains.items()}
            if file != "stages/core/params.py":
                faults += [f"{stage.name}: {file}:{line}: {what}" for line, what in hidden]
        for chain, where in used.items():
            if not any(_within(chain, entry) for entry in stage.params):
                faults.append(f"{stage.name}: params lack {chain}, read at {where}")
        for entry in stage.params:
            if not any(_within(chain, entry) for chain in used):
                faults.append(f"{stage.name}: {entry} is in params, not read")
    return faults


def _within(key: str, section: str) -> bool:
    return key == section or key.startswith(f"{section}.")


@cache
def reads(text: str) -> tuple[dict[str, int], list[tuple[int, str]]]:
    """The keys that a module reads from params.yaml, and what hides some; with their lines."""
    keys: dict[str, int] = {}
    hidden: list[tuple[int, str]] = []
    scopes = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    for scope in _nodes(text):
        own = list(_own(scope)) if isinstance(scope, scopes) else []
        calls = [node for node in own if _is_read_params(node)]
        if not calls:
            continue
        assigned = [
            node.value
            for node in own
            if isinstance(node, ast.Assign)
            and [ast.unparse(target) for target in node.targets] == ["chosen"]
        ]
        hidden += [
            (call.lineno, "assign read_params(...) to `chosen` and to nothing else")
            for call in calls
            if call not in assigned
        ]
        within = list(ast.walk(scope))
        above = {id(node.value): node for node in within if isinstance(node, ast.Attribute)}
        for node in within:
            if not (isinstance(node, ast.Name) and node.id == "chosen"):
                continue
            names, outer = [], above.get(id(node))
            while outer is not None:
                names.append(outer.attr.rstrip("_"))
                outer = above.get(id(outer))
            if names:
                keys.setdefault(".".join(names), node.lineno)
            elif not isinstance(node.ctx, ast.Store):
                hidden.append((node.lineno, "`chosen` is passed on whole: read it by attribute"))
    for node in _nodes(text):
        if isinstance(node, ast.ImportFrom):
            hidden += [
                (node.lineno, f"{alias.name} stays in core/params.py: take a section")
                for alias in node.names
                if alias.name == "Params" or (alias.name == "read_params" and alias.asname)
            ]
    return keys, hidden


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope without those of the functions inside it."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _own(child)


def _is_read_params(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and _name(node.func) == "read_params"


def _name(called: ast.expr) -> str:
    """The last name of what is called: ``load`` of ``a.b.load(...)``."""
    if isinstance(called, ast.Attribute):
        return called.attr
    return called.id if isinstance(called, ast.Name) else ""


# --- commands, paths and git ----------------------------------------------------------------


def every_module_is_a_stage(house: House) -> Faults:
    """A module with a `main` has its stage in dvc.yaml: what nobody runs is not there."""
    run = {stage.module for stage in house.stages}
    return [
        f"{file}: defines main, and dvc.yaml has no stage for it"
        for file, name in house.modules.items()
        if name.startswith("stages.")
        and _unit(file) not in ("stages/core", "stages/launcher")
        and any(isinstance(n, ast.FunctionDef) and n.name == "main" for n in house.nodes(file))
        and name.removeprefix("stages.") not in run
    ]


def commands_take_paths_alone(house: House) -> Faults:
    """A command is `python stages NAME --flag PATH ...`, each path an input or an output."""
    faults = []
    for name, stage in house.declared["stages"].items():
        for inserted in re.findall(r"\$\{([^}]*)\}", stage["cmd"]):
            if not re.fullmatch(r"paths\.\w+|item(\.\w+)?", inserted.strip()):
                faults.append(f"{name}: cmd inserts ${{{inserted}}}: only paths may stand there")
    for resolved in house.stages:
        try:
            words = shlex.split(resolved.cmd)[3:]
        except ValueError as fault:
            faults.append(f"{resolved.name}: cmd cannot be read: {fault}")
            continue
        known = [PARAMS, *resolved.deps, *(out.path for out in resolved.outs)]
        flags, values = words[::2], words[1::2]
        bad = [word for word in flags if not re.fullmatch(r"--[a-z][a-z-]*", word)]
        bad += [
            word
            for word in values
            if not any(_inside(path, word) or _inside(word, path) for path in known)
        ]
        faults += [f"{resolved.name}: cmd has '{w}', no input or output" for w in bad]
        if len(flags) != len(values) or (words and not resolved.module):
            faults.append(f"{resolved.name}: cmd is not `python stages NAME --flag PATH ...`")
        for path in known[1:]:
            beside_code = _inside(path, "stages")
            named = any(_inside(path, word) for word in values)
            if not named and not beside_code and path != LOCK:
                faults.append(f"{resolved.name}: {path} is declared and not in cmd")
    return faults


def outs_lie_in_the_stages_folder(house: House) -> Faults:
    return [
        f"{stage.name}: {out.path} is not under {folder}/"
        for stage in house.stages
        for folder in ["/".join(["data", *stage.name.split("@")])]
        for out in stage.outs
        if not out.path.startswith(f"{folder}/")
    ]


def the_test_split_is_sealed(house: House) -> Faults:
    test = house.paths["test"]
    return [
        f"{stage.name}: must not see {test}"
        for stage in house.stages
        if stage.base not in SEALED
        and any(_inside(test, dep) or _inside(dep, test) for dep in stage.deps)
    ]


def the_environment_is_a_dep(house: House) -> Faults:
    """An upgrade of scikit-learn runs what it can change; a new linter runs nothing."""
    faults = []
    for stage in house.stages:
        if (LOCK in stage.deps) == (stage.base in UNLOCKED):
            wrong = "must not have" if stage.base in UNLOCKED else "lack"
            faults.append(f"{stage.name}: deps {wrong} {LOCK}")
        if DEV_LOCK in stage.deps:
            faults.append(f"{stage.name}: deps must not have {DEV_LOCK}")
    return faults


def gitignore_lists_what_dvc_keeps(house: House) -> Faults:
    """Each cached output has its line in .gitignore, and an output of git's has none.

    DVC would add missing lines by itself, one file a folder, when somebody runs it.
    """
    lines = [line for line in house.text(".gitignore").splitlines() if line.startswith("/")]
    faults = []
    for stage in house.stages:
        for out in stage.outs:
            listed = any(PurePosixPath(f"/{out.path}").match(line) for line in lines)
            if out.cached and not listed:
                faults.append(f".gitignore lacks /{out.path}")
            if not out.cached and _ignored(house.root, out.path):
                faults.append(f".gitignore hides {out.path}, which git keeps")
    stray = [path.relative_to(house.root) for path in (house.root / "data").rglob(".gitignore")]
    return faults + [f"{path.as_posix()}: its lines belong in .gitignore" for path in stray]


def _ignored(root: Path, path: str) -> bool:
    command = ["git", "check-ignore", "--quiet", "--no-index", path]
    return subprocess.run(command, cwd=root, check=False).returncode == 0


def git_holds_nothing_that_dvc_keeps(house: House) -> Faults:
    kept = [out.path for stage in house.stages for out in stage.outs if out.cached]
    return [
        f"{file} is in git, and DVC keeps it"
        for file in house.in_git
        if any(_inside(file, path) for path in kept)
    ]


# --- what no file may hold ------------------------------------------------------------------

FORBIDDEN_MODULES = {
    "pickle": "it runs what it reads",
    "cPickle": "it runs what it reads",
    "cloudpickle": "it runs what it reads",
    "dill": "it runs what it reads",
    "joblib": "it reads pickles",
    "shelve": "it reads pickles",
    "marshal": "it trusts what it reads",
    "matplotlib.pyplot": "it keeps global state",
}
FORBIDDEN_CALLS = {"eval", "exec", "__import__", "read_pickle", "to_pickle", "import_module"}
# The launcher imports the stage that it is asked for; only names of files in stages/ get there.
MAY_CALL = {("stages/launcher", "__import__"), ("stages/launcher", "import_module")}


def code_runs_nothing_it_is_given(house: House) -> Faults:
    """No pickle, no eval, no import by name, no pyplot."""
    faults = []
    for file in house.modules:
        for _, base, names, line in _imported(house.text(file)):
            imported = {str(base), *(f"{base}.{name}" for name in names)}
            faults += [
                f"{file}:{line}: {module}: {why}"
                for module, why in FORBIDDEN_MODULES.items()
                if any(name == module or name.startswith(f"{module}.") for name in imported)
            ]
        for node in house.nodes(file):
            if not isinstance(node, ast.Call):
                continue
            name = _name(node.func)
            if name in FORBIDDEN_CALLS and (_unit(file), name) not in MAY_CALL:
                faults.append(f"{file}:{node.lineno}: {name}() runs what it is given")
    return faults


def no_path_of_a_machine(house: House) -> Faults:
    """No file names a folder of the machine on which it was written."""
    machine = re.compile(r"(?<![\w.~$}])/(?:home|Users|root|work)/\w")
    here = [f"{folder}/" for folder in {str(house.root), str(Path.home())} if folder != "/"]
    faults = []
    for file in house.in_git:
        if file.endswith((".lock", ".gz", ".png")):
            continue
        for number, line in enumerate(house.text(file).splitlines(), 1):
            if machine.search(line) or any(folder in line for folder in here):
                faults.append(f"{file}:{number}: names a folder of one machine")
    return faults


# --- the locked environment -----------------------------------------------------------------


def locked(text: str) -> dict[str, tuple[set[str], bool]]:
    """The packages of a lock file: their versions, and whether each entry has its hashes."""
    found: dict[str, tuple[set[str], bool]] = {}
    for entry in re.sub(r"\\\n\s*", " ", text).splitlines():
        if not entry.strip() or entry.lstrip().startswith("#"):
            continue
        requirement = Requirement(entry.split(" --hash=")[0])
        versions, hashed = found.get(canonicalize_name(requirement.name), (set(), True))
        pinned = {clause.version for clause in requirement.specifier if clause.operator == "=="}
        found[canonicalize_name(requirement.name)] = (
            versions | pinned,
            hashed and bool(re.search(r" --hash=sha256:[0-9a-f]{64}\b", entry)) and bool(pinned),
        )
    return found


def locks_are_whole(house: House) -> Faults:
    """Each entry has a version and hashes, and what pyproject.toml asks for is locked."""
    project = tomllib.loads(house.text("pyproject.toml"))["project"]
    wanted = {
        LOCK: project["dependencies"],
        DEV_LOCK: project["dependencies"] + project["optional-dependencies"]["dev"],
    }
    faults = []
    for lock, requirements in wanted.items():
        packages = locked(house.text(lock))
        faults += [f"{lock}: {n} has no hash" for n, (_, hashed) in packages.items() if not hashed]
        for requirement in map(Requirement, requirements):
            versions, _ = packages.get(canonicalize_name(requirement.name), (set(), True))
            if not versions:
                faults.append(f"{lock}: lacks {requirement.name}; run `make lock`")
            faults += [
                f"{lock}: {requirement.name} {version}, not {requirement.specifier}"
                for version in versions
                if not requirement.specifier.contains(version, prereleases=True)
            ]
    runtime, dev = locked(house.text(LOCK)), locked(house.text(DEV_LOCK))
    faults += [
        f"{DEV_LOCK}: {name} is not the version of {LOCK}; run `make lock`"
        for name, (versions, _) in runtime.items()
        if dev.get(name, (set(), True))[0] != versions
    ]
    return faults


# --- the documents --------------------------------------------------------------------------


def every_name_has_its_line(house: House) -> Faults:
    """Each stage, pillar, metric and key of params.yaml stands in README.md or in docs/."""
    pages = [house.root / "README.md", *sorted((house.root / "docs").rglob("*.md"))]
    spans = {
        page.relative_to(house.root).as_posix(): " ".join(
            re.findall(r"`([^`\n]+)`", page.read_text())
        ).replace(".*.", ".")  # `space.*.low` is the low of any parameter
        for page in pages
        if page.is_file()
    }
    everywhere = " ".join(spans.values())
    faults = []
    for stage in house.stages:
        for kind, name in zip(("stage", "pillar"), stage.name.split("@"), strict=False):
            if not _says(everywhere, name):
                faults.append(f"{kind} {name} has no line in README.md or docs/")
    faults += [
        f"metric {metric} has no line in README.md or docs/"
        for metric in METRICS
        if not _says(everywhere, metric)
    ]
    for key in param_keys(Params):
        section, _, rest = key.partition(".")
        topics = {section, *rest.split(".")[:1], *(_readers(house, section))}
        about = " ".join(text for page, text in spans.items() if _topics(page) & topics)
        shorter = [".".join(key.split(".")[i:]) for i in range(1, key.count(".") + 1)]
        if not (_says(everywhere, key) or any(_says(about, short) for short in shorter)):
            faults.append(f"param {key} has no line in README.md or docs/")
    return sorted(set(faults))


def _topics(page: str) -> set[str]:
    """What a page is about, by its name: docs/audit/fairness.md, docs/audit-fairness.md."""
    return set(re.split(r"[/-]", page.removesuffix(".md")))


def _readers(house: House, section: str) -> set[str]:
    """The stages that read the whole of a section: define, for the charter."""
    return {stage.base for stage in house.stages if section in stage.params}


def _says(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", text) is not None


def param_keys(model: Any, above: str = "") -> Iterator[str]:
    """Every key that params.yaml may have, by discovery in its models; no name of a user's."""
    for name, field in model.model_fields.items():
        key = f"{above}{field.alias or name}"
        inner = list(_sections(field.annotation))
        # a dictionary and a list are keys themselves; those of their values follow
        arguments = get_args(field.annotation)
        one_of = bool(arguments) and all(_is_section(argument) for argument in arguments)
        if not inner or (arguments and not one_of):
            yield key
        for section in inner:
            yield from param_keys(section, f"{key}.")


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Section)


def _sections(annotation: Any) -> Iterator[type[Section]]:
    if _is_section(annotation):
        yield annotation
    for argument in get_args(annotation):
        yield from _sections(argument)


CONTRACTS = (
    packages_hold_a_docstring,
    code_deps_are_the_import_closure,
    files_beside_the_code_are_deps,
    imports_obey_the_rules,
    params_are_what_the_code_reads,
    every_module_is_a_stage,
    commands_take_paths_alone,
    outs_lie_in_the_stages_folder,
    the_test_split_is_sealed,
    the_environment_is_a_dep,
    gitignore_lists_what_dvc_keeps,
    git_holds_nothing_that_dvc_keeps,
    code_runs_nothing_it_is_given,
    no_path_of_a_machine,
    locks_are_whole,
    every_name_has_its_line,
)
