"""Set up a DVC remote, see that it can be written and read, and fill it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Any

from dvc.exceptions import DvcException
from dvc.repo import Repo

from operate.remote.address import Address, file_system, masked, read_address
from stages.core.errors import LoopwrightError
from stages.core.markdown import one_line

PROBE = ".loopwright-probe"


def add(root: Path, url: str, name: str, *, probe: bool = True, force: bool = False) -> str:
    """Write a remote into .dvc/config and make it the default; return a line that says so.

    Nothing is written where the remote cannot be used.

    Args:
        root: the repository.
        url: a folder, relative to `root` or absolute, or a URL of a kind that DVC knows.
        name: what the remote is called.
        probe: write a small file to it, read it back and remove it, before all else.
        force: another address in the place of what the name stands for now.

    Raises:
        LoopwrightError: `root` is no DVC repository, the address is of another form or holds
            a secret, the name is taken, a package is missing, or the probe failed.
    """
    address = read_address(url, name)
    with _opened(root) as repo:
        known = dict(repo.config["remote"].get(name, {}))
        # as DVC reads it: a folder as an absolute path
        resolved = url if address.kind else str((root / url).resolve())
        taken = known.get("url", resolved)
        if taken not in (url, resolved) and not force:
            raise LoopwrightError(
                f"remote '{name}' is {masked(taken)} already; take another --name, or --force"
            )
        if probe:
            _probe(repo, name, address, {**known, "url": resolved})
    # an address that is there already keeps the options beside it
    there = "url" in known and not force
    command = ("default", "--", name) if there else ("add", "--default", "--force", "--", name, url)
    done = subprocess.run(
        (sys.executable, "-m", "dvc", "remote", *command),
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LoopwrightError(f"dvc remote: {masked(one_line(done.stderr))}")
    state = "it can be written and read" if probe else "not checked"
    return f"remote '{name}' is the default: {state}; commit .dvc/config, then push"


def check(root: Path) -> str:
    """Write, read and remove a small file in the default remote; return a line that says so.

    Raises:
        LoopwrightError: as `add`, or there is no default remote.
    """
    with _opened(root) as repo:
        name = _default(repo)
        remote = dict(repo.config["remote"][name])
        _probe(repo, name, Address.of(str(remote["url"])), remote)
    return f"remote '{name}' can be written and read"


def push(root: Path) -> int:
    """Upload the outputs that dvc.lock names and the run cache; return DVC's exit code.

    The run cache says which inputs gave which outputs, so that a clone that goes back to
    inputs of another pushed commit computes nothing either.

    Raises:
        LoopwrightError: `root` is no DVC repository, or there is no default remote.
    """
    with _opened(root) as repo:
        _default(repo)
    command = (sys.executable, "-m", "dvc", "push", "--run-cache")
    return subprocess.run(command, cwd=root, check=False).returncode


@contextmanager
def _opened(root: Path) -> Iterator[Repo]:
    try:
        repo = Repo(str(root))
    except DvcException as fault:
        raise LoopwrightError(f"DVC: {masked(one_line(fault))}") from None
    with repo:
        yield repo


def _default(repo: Repo) -> str:
    name = repo.config["core"].get("remote")
    if name is None:
        raise LoopwrightError("no default remote; `loopwright remote add URL` makes one")
    return str(name)


def _probe(repo: Repo, name: str, address: Address, remote: dict[str, Any]) -> None:
    """Write, read and remove a small file in `remote`, by the file system that DVC would take."""
    try:
        files, folder = file_system(repo, name, remote)
        with TemporaryDirectory() as scratch:
            sent, back = Path(scratch) / "sent", Path(scratch) / "back"
            sent.write_text(token_hex(16), encoding="ascii")
            there = files.join(folder, f"{PROBE}-{token_hex(4)}")
            files.makedirs(folder, exist_ok=True)
            files.put_file(str(sent), there)
            try:
                files.get_file(there, str(back))
            finally:
                with suppress(NotImplementedError):  # HTTP removes nothing
                    files.rm_file(there)
            if back.read_bytes() != sent.read_bytes():
                raise OSError("other bytes came back than were sent")
    except LoopwrightError:
        raise
    except Exception as fault:  # each kind of remote fails in its own way
        why = masked(one_line(fault)) or type(fault).__name__
        raise LoopwrightError(
            f"remote '{name}' cannot be written and read: {why}{_advice(address, name)}"
        ) from None


def _advice(address: Address, name: str) -> str:
    if not address.kind:
        return "; give a folder that you may write"
    return (
        f"; {address.where_credentials_go(name)}; `loopwright remote add --no-check` writes the "
        "address first, and `loopwright remote check` tries again"
    )
