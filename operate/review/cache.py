"""DVC's cache by hash; what is missing there comes from the remote, if there is one."""

import json
import logging
import re
from collections.abc import Iterable
from pathlib import Path

from stages.core.errors import LoopwrightError
from stages.core.markdown import one_line


class Cache:
    """The objects that dvc.lock names.

    Attributes:
        why: why the last object that was not found is not there.

    Raises:
        LoopwrightError: the folder is in no DVC repository.
    """

    def __init__(self, root: Path) -> None:
        from dvc.exceptions import DvcException
        from dvc.repo import Repo

        logging.getLogger("dvc").setLevel(logging.CRITICAL)
        try:
            self._repo = Repo(str(root))
        except DvcException as fault:
            raise LoopwrightError(f"{fault}; go to the top of the repository") from None
        self._sought: set[str] = set()
        self.why = ""

    def __enter__(self) -> "Cache":
        return self

    def __exit__(self, *_: object) -> None:
        self._repo.close()

    def fetch(self, oids: Iterable[str]) -> None:
        """Bring what is missing from the remote, all at once, and ask for nothing twice."""
        from dvc.config import NoRemoteError
        from dvc_data.hashfile.hash_info import HashInfo

        missing = {oid for oid in oids if not self._file(oid).is_file()} - self._sought
        if not missing:
            return
        self._sought |= missing
        self.why = "neither in DVC's cache nor at the remote"
        try:
            self._repo.cloud.pull([HashInfo("md5", oid) for oid in sorted(missing)])
        except NoRemoteError:
            self.why = "not in DVC's cache, and there is no remote"
        except Exception as fault:  # each kind of remote fails in its own way
            # an address may hold a password
            told = re.sub(r"//[^/@\s]+@", "//***@", one_line(fault)) or type(fault).__name__
            self.why = f"not in DVC's cache, and the remote does not give it: {told}"

    def get(self, oid: str) -> bytes | None:
        """Return the object of that hash, or None; then `why` says why."""
        self.fetch([oid])
        file = self._file(oid)
        return file.read_bytes() if file.is_file() else None

    def size(self, oid: str) -> int | None:
        """Return the bytes of an object that is here; nothing is fetched for it."""
        file = self._file(oid)
        return file.stat().st_size if file.is_file() else None

    def tree(self, oid: str) -> dict[str, bytes] | None:
        """Return the files of a folder by name, or None; then `why` says why."""
        listed = self.get(oid)
        if listed is None:
            return None
        entries = {str(entry["relpath"]): str(entry["md5"]) for entry in json.loads(listed)}
        self.fetch(entries.values())
        found = {name: self.get(oid) for name, oid in sorted(entries.items())}
        whole = {name: content for name, content in found.items() if content is not None}
        return whole if len(whole) == len(found) else None

    def _file(self, oid: str) -> Path:
        return Path(self._repo.cache.local.oid_to_path(oid))
