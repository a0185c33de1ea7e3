"""Outputs from a DVC remote: fetched before a run, so that they are not computed anew."""

import logging
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from dvc.exceptions import DvcException
from dvc.repo import Repo

from operate.remote.address import file_system, masked
from stages.core.errors import LoopwrightError
from stages.core.markdown import one_line


def restore(root: Path, revisions: Sequence[str] = (), compute: bool = False) -> Iterator[str]:
    """Fetch what dvc.lock names and the default remote has; yield lines that say how much.

    A table that was imported from another repository or address comes from there.

    Nothing that goes wrong with a remote is an error, for `dvc repro` computes what is
    not there: a fork has no key to it, a new project has no remote at all. (In both cases
    `dvc repro --pull` fails.)

    Args:
        root: the repository.
        revisions: commits whose outputs are fetched too, into the cache, to compare with.
        compute: run the pipeline of each of them, for what cannot be fetched.

    Raises:
        LoopwrightError: `root` is no DVC repository, its configuration is invalid, the
            package for its kind of remote is missing, or an output was changed by hand.
    """
    for name in ("dvc", "dvc_data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with Repo(str(root)) as repo:
            remote = repo.config["core"].get("remote")
            if remote:
                file_system(repo, remote, repo.config["remote"][remote])
            # without a remote too: what was imported has another origin
            trouble = _fetch(repo, revisions)
            repo.checkout(allow_missing=True)
            kept = [out for out in repo.index.outs if out.use_cache]
            absent = [out for out in kept if not out.exists]
            given = sorted({o.stage.addressing for o in absent if o.stage.is_data_source})
            cache = Path(repo.cache.local_cache_dir)
    except (DvcException, ImportError) as fault:
        raise LoopwrightError(f"DVC cannot restore the outputs: {one_line(fault)}") from None
    told = f"DVC remote '{remote}'" if remote else "no DVC remote is configured"
    told += f": {trouble}" if trouble else ""
    here = len(kept) - len(absent)
    yield f"{here} of {len(kept)} outputs are here ({told}){_rest(len(absent), given)}"
    for revision in revisions if compute else ():
        yield f"{revision}: {_compute(root, revision, cache)}"


def _fetch(repo: Repo, revisions: Sequence[str]) -> str | None:
    """Fetch, and return what went wrong, without the password that an address may hold."""
    try:
        repo.fetch()
        if revisions:
            repo.fetch(revs=list(revisions), workspace=False)
    except Exception as fault:  # each kind of remote fails in its own way
        return masked(one_line(fault)) or type(fault).__name__
    return None


def _rest(absent: int, given: Sequence[str]) -> str:
    """Say what becomes of the outputs that are not here; those of `given` no stage computes."""
    if given:
        files = ", ".join(given)
        return f"; nothing computes those of {files}: `dvc fetch {' '.join(given)}` says why"
    return "; `dvc repro` computes the rest" if absent else ""


def _compute(root: Path, revision: str, cache: Path) -> str:
    """Bring the outputs of `revision` into `cache` by a run in a clone; return how it went."""
    dvc = (sys.executable, "-m", "dvc")
    try:
        named = ("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
        commit = _run(root, "git", *named).strip()
        with TemporaryDirectory() as folder:
            clone = Path(folder) / root.resolve().name
            _run(root, "git", "clone", "--quiet", "--shared", "--no-checkout", ".", str(clone))
            _run(clone, "git", "checkout", "--quiet", "--detach", commit)
            _run(clone, *dvc, "config", "--local", "cache.dir", str(cache))
            _run(clone, *dvc, "checkout", "--quiet", "--allow-missing")
            _run(clone, *dvc, "repro")
            changed = _run(clone, "git", "status", "--porcelain", "--", "dvc.lock")
    except subprocess.CalledProcessError as fault:
        lines = [line for line in f"{fault.stdout}\n{fault.stderr}".splitlines() if line.strip()]
        return f"not computed: {one_line(lines[-1] if lines else 'no reason given')}"
    if changed:
        return "computed here, and its outputs are not those that its dvc.lock names"
    return "its outputs are in the cache"


def _run(root: Path, *command: str) -> str:
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, errors="replace", check=True
    )
    return done.stdout
