"""Outputs from a DVC remote: fetched before a run, so that they are not computed anew."""

import logging
import re
from collections.abc import Sequence
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo

from stages.core.errors import LoopwrightError
from stages.core.markdown import one_line


def restore(root: Path, revisions: Sequence[str] = ()) -> str:
    """Fetch what dvc.lock names and the default remote has; return a line that says how much.

    Nothing that goes wrong with a remote is an error, for `dvc repro` computes what is
    not there: a fork has no key to it, a new project has no remote at all. (In both cases
    `dvc repro --pull` fails.)

    Args:
        root: the repository.
        revisions: commits whose outputs are fetched too, into the cache, to compare with.

    Raises:
        LoopwrightError: `root` is no DVC repository, its configuration is invalid, the
            package for its kind of remote is missing, or an output was changed by hand.
    """
    for name in ("dvc", "dvc_data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with Repo(str(root)) as repo:
            remote = repo.config["core"].get("remote")
            trouble = _fetch(repo, revisions) if remote else None
            repo.checkout(allow_missing=True)
            kept = [out for out in repo.index.outs if out.use_cache]
            here = sum(out.exists for out in kept)
    except (DvcException, ImportError) as fault:
        raise LoopwrightError(f"DVC cannot restore the outputs: {one_line(fault)}") from None
    told = f"DVC remote '{remote}'" if remote else "no DVC remote is configured"
    told += f": {trouble}" if trouble else ""
    rest = "" if here == len(kept) else "; `dvc repro` computes the rest"
    return f"{here} of {len(kept)} outputs are here ({told}){rest}"


def _fetch(repo: Repo, revisions: Sequence[str]) -> str | None:
    """Fetch, and return what went wrong, without the password that an address may hold."""
    try:
        repo.fetch()
        if revisions:
            repo.fetch(revs=list(revisions), workspace=False)
    except Exception as fault:  # each kind of remote fails in its own way
        return re.sub(r"//[^/@\s]+@", "//***@", one_line(fault)) or type(fault).__name__
    return None
