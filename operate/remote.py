"""What a DVC remote has of this state: fetched before a run, so that it is not computed anew."""

import logging
import re
import subprocess
import sys
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo

from stages.core.errors import LoopwrightError
from stages.core.markdown import one_line


def restore(root: Path) -> str:
    """Fetch what dvc.lock names and the default remote has; return a line that says so.

    Nothing that goes wrong with a remote is an error, for `dvc repro` computes what is
    not there: a fork has no key to it, a new project has none at all. (`dvc repro
    --pull` fails in both cases.)

    Raises:
        LoopwrightError: `root` is no DVC repository, or its configuration is invalid.
    """
    logging.getLogger("dvc").setLevel(logging.ERROR)
    try:
        with Repo(str(root)) as repo:
            remote = repo.config["core"].get("remote")
    except DvcException as fault:
        raise LoopwrightError(f"DVC cannot read the repository: {fault}") from None
    if not remote:
        return "no DVC remote is configured: `dvc repro` computes everything anew"
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "pull", "--allow-missing"],
        cwd=root,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        why = one_line(errors[-1].removeprefix("ERROR:") if errors else "dvc pull failed")
        why = re.sub(r"//[^/@\s]+@", "//***@", why)  # an address may hold a password
        return f"DVC remote '{remote}' cannot be read ({why}): `dvc repro` computes what is missing"
    return f"DVC remote '{remote}' was read: `dvc repro` computes what it does not have"
