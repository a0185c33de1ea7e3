"""The iterations of a project: the commits and DVC experiments that evaluated something new.

Git is asked a handful of times, however long the history is.
"""

import re
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from operate.locks import Lock, read_lock
from operate.pipeline import Pipeline
from stages.core.errors import LoopwrightError

_LOG = "%H%x1f%P%x1f%as%x1f%S%x1f%s%x1f%b%x1e"
_EXPERIMENT = re.compile(r"^refs/exps/[0-9a-f]{2}/[0-9a-f]{38}/(.+)$")
_HASH = re.compile(r"[0-9a-f]{40}$")
_OF_DVC = "dvc: commit experiment"


@dataclass(frozen=True)
class Commit:
    """One commit, and what it holds of the pipeline.

    Attributes:
        id: the full hash.
        parents: the full hashes of its parents.
        date: the author's date, as YYYY-MM-DD.
        reached: the ref by which git came to it.
        subject: the first line of the message.
        body: the rest of it.
        lock: its dvc.lock.
        metrics: the text of its file of metrics; empty where git has none.
    """

    id: str
    parents: tuple[str, ...]
    date: str
    reached: str
    subject: str
    body: str
    lock: Lock
    metrics: str

    @property
    def short(self) -> str:
        """The hash as people write it."""
        return self.id[:7]


@dataclass(frozen=True)
class Iteration:
    """A commit or an experiment that evaluated something new.

    Attributes:
        commit: where its result is.
        order: its place among all commits, from 1, oldest first.
        parent: the iteration before it; None for the first.
        baseline: the nearest iteration before it that is on main; None for the first.
        before: the last dvc.lock with the result of `parent`: what it changed is held
            against this, and not against all that was changed since without any effect.
        on_main: whether main holds it.
        experiment: the name of the DVC experiment; empty for a commit.
        applied: the iteration on main that has the result of this experiment.
    """

    commit: Commit
    order: int
    parent: "Iteration | None" = None
    baseline: "Iteration | None" = None
    before: Lock = field(default_factory=Lock)
    on_main: bool = False
    experiment: str = ""
    applied: "Iteration | None" = None

    @property
    def branch(self) -> str:
        """A branch that holds it; empty for main's own and for an experiment."""
        if self.on_main or self.experiment:
            return ""
        ref = self.commit.reached.removeprefix("refs/heads/").removeprefix("refs/remotes/")
        return "" if ref == "HEAD" or _HASH.match(ref) else ref

    @property
    def hypothesis(self) -> str:
        """What was tried, in the words of who tried it; empty where nobody said it."""
        subject = self.commit.subject
        return "" if self.experiment and subject.startswith(_OF_DVC) else subject


@dataclass(frozen=True)
class Past:
    """All iterations, oldest first.

    Attributes:
        main: the name of the branch that keeps what was decided.
        iterations: those of all branches and experiments that this clone knows.
        locks: the dvc.lock of each commit, oldest first.
        complete: False in a shallow clone, whose history is cut off.
    """

    main: str
    iterations: tuple[Iteration, ...]
    locks: tuple[Lock, ...]
    complete: bool = True


def read_past(root: Path, pipeline: Pipeline, main: str | None = None) -> Past:
    """Read the iterations of the repository `root`.

    A commit is one where its evaluation (the outputs of the stage that writes the metrics,
    or the metrics themselves) differs from that of each of its parents. So a merge that
    brings a branch's result to main is none, and the branch's own commit is then on main.

    Args:
        root: the repository.
        pipeline: names the file of metrics.
        main: the branch that keeps; by default ``main``, ``master`` or else HEAD.

    Raises:
        LoopwrightError: `root` is not in git, has no commit, or has no branch `main`.
    """
    refs = _refs(root)
    main = _main(root, refs, main)
    experiments = _experiments(refs)
    commits = _commits(
        root, pipeline, [main, "--branches", "--remotes", "--tags", *experiments, "HEAD"]
    )
    kept = frozenset(_git(root, "rev-list", main).split())
    return Past(
        main.removeprefix("refs/heads/").removeprefix("refs/remotes/"),
        tuple(_with_applied(_iterations(commits, pipeline, kept, experiments), pipeline)),
        tuple(commit.lock for commit in commits.values()),
        _git(root, "rev-parse", "--is-shallow-repository").strip() == "false",
    )


def _iterations(
    commits: Mapping[str, Commit],
    pipeline: Pipeline,
    kept: Collection[str],
    experiments: Mapping[str, str],
) -> list[Iteration]:
    """Return the iterations among `commits`, which hold parents before their children."""
    evaluation = {name: _evaluation(commit, pipeline) for name, commit in commits.items()}
    holds: dict[str, Iteration | None] = {}  # the iteration whose result each commit has
    iterations = []
    for order, (name, commit) in enumerate(commits.items(), 1):
        parents = [parent for parent in commit.parents if parent in commits]
        own = evaluation[name]
        same = next((parent for parent in parents if evaluation[parent] == own), None)
        before = holds[parents[0]] if parents else None
        holds[name] = holds[same] if same else before
        if own is None or (same and name not in experiments):
            continue
        last = commits[parents[0]].lock if parents else Lock()
        if before is not None and not _agrees(last, pipeline):
            last = before.commit.lock
        iteration = Iteration(
            commit,
            order,
            parent=before,
            baseline=_nearest_on_main(before),
            before=last,
            on_main=name in kept,
            experiment=experiments.get(name, ""),
        )
        holds[name] = iteration
        iterations.append(iteration)
    return iterations


def _with_applied(iterations: list[Iteration], pipeline: Pipeline) -> Iterator[Iteration]:
    """Yield the iterations, and with each that main took over the one that it became."""
    on_main = {_evaluation(i.commit, pipeline): i for i in reversed(iterations) if i.on_main}
    for iteration in iterations:
        found = on_main.get(_evaluation(iteration.commit, pipeline))
        yield replace(iteration, applied=_applied(iteration, found))


def _git(root: Path, *arguments: str, given: bytes = b"") -> str:
    """Return what git prints."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=root,
            input=given,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        raise LoopwrightError("git: no such command; the history is git's") from None
    if done.returncode != 0:
        raise LoopwrightError(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode(errors="replace")


def _refs(root: Path) -> dict[str, str]:
    lines = _git(root, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return dict(line.split(" ", 1) for line in lines)


def _experiments(refs: Mapping[str, str]) -> dict[str, str]:
    """Return the name of each DVC experiment by the hash of its commit."""
    matches = ((_EXPERIMENT.match(ref), commit) for ref, commit in refs.items())
    return {commit: match[1] for match, commit in matches if match}


def _main(root: Path, refs: Mapping[str, str], asked: str | None) -> str:
    if asked is not None:
        if f"refs/heads/{asked}" not in refs:
            names = [ref.removeprefix("refs/heads/") for ref in refs if "refs/heads/" in ref]
            raise LoopwrightError(f"no branch '{asked}'; possible: {', '.join(names) or 'none'}")
        return f"refs/heads/{asked}"
    named = (
        f"refs/{place}/{n}" for n in ("main", "master") for place in ("heads", "remotes/origin")
    )
    main = next((ref for ref in named if ref in refs), None)
    if main is None:
        _git(root, "rev-parse", "--verify", "HEAD")
    return main or "HEAD"


def _commits(root: Path, pipeline: Pipeline, heads: Iterable[str]) -> dict[str, Commit]:
    """Return the commits that `heads` reach by their hash, parents before their children."""
    log = _git(root, "log", "--date-order", "--reverse", f"--format={_LOG}", *heads, "--")
    fields = [entry.lstrip("\n").split("\x1f") for entry in log.split("\x1e") if entry.strip("\n")]
    names = [
        f"{commit}:./{path}"
        for commit, *_ in fields
        for path in ("dvc.lock", pipeline.path("metrics"))
    ]
    blobs = _blobs(root, names)
    locks = {blob: read_lock(blobs[blob]) for blob in set(blobs.names[::2]) - {""}}
    return {
        name: Commit(
            name,
            tuple(parents.split()),
            date,
            reached,
            subject,
            body.strip(),
            locks.get(lock, Lock()),
            blobs.get(metrics, ""),
        )
        for (name, parents, date, reached, subject, body), lock, metrics in zip(
            fields, blobs.names[::2], blobs.names[1::2], strict=True
        )
    }


class _Blobs(dict[str, str]):
    """The text of each blob by its hash, and the hash of each name, ``""`` where it has none."""

    names: list[str]


def _blobs(root: Path, names: Iterable[str]) -> _Blobs:
    asked = "".join(f"{name}\n" for name in names).encode()
    checked = _git(root, "cat-file", "--batch-check=%(objectname) %(objecttype)", given=asked)
    blobs = _Blobs()
    blobs.names = [
        line.split(" ")[0] if line.endswith(" blob") else "" for line in checked.splitlines()
    ]
    wanted = dict.fromkeys(name for name in blobs.names if name)
    done = subprocess.run(
        ["git", "cat-file", "--batch"],
        cwd=root,
        input="".join(f"{blob}\n" for blob in wanted).encode(),
        capture_output=True,
        check=True,
    )
    start = 0
    for blob in wanted:  # "<hash> blob <size>", the bytes, a line end
        end = done.stdout.index(b"\n", start)
        size = int(done.stdout[start:end].rsplit(b" ", 1)[1])
        blobs[blob] = done.stdout[end + 1 : end + 1 + size].decode(errors="replace")
        start = end + size + 2
    return blobs


def _evaluation(commit: Commit, pipeline: Pipeline) -> tuple[object, ...] | None:
    """Return what tells one evaluation from another; None where there is none."""
    metrics = pipeline.path("metrics")
    outs = commit.lock.writer(metrics).outs
    if not outs and not commit.metrics:
        return None
    return tuple(sorted(outs.items())), commit.metrics


def _agrees(lock: Lock, pipeline: Pipeline) -> bool:
    """Whether the evaluation in `lock` saw what the stages before it wrote last."""
    deps = lock.writer(pipeline.path("metrics")).deps
    return all(lock.output(path) in (None, md5) for path, md5 in deps.items())


def _nearest_on_main(iteration: Iteration | None) -> Iteration | None:
    while iteration is not None and not iteration.on_main:
        iteration = iteration.parent
    return iteration


def _applied(iteration: Iteration, on_main: Iteration | None) -> Iteration | None:
    """Return the iteration on main that took over the result of an experiment or branch."""
    if iteration.on_main or on_main is None:
        return None
    before = iteration.baseline
    while before is not None:
        if before is on_main:
            return None  # it was there already
        before = before.baseline
    return on_main
