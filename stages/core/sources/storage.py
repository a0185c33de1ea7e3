"""A file, or a folder of Parquet files, in object storage."""

import hashlib
import tempfile
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from stages.core.credentials import masked
from stages.core.errors import LoopwrightError, how_to_install
from stages.core.sources.declared import StorageSource
from stages.core.sources.formats import read_file
from stages.core.sources.found import Facts, Look, Read, compared, digest_of
from stages.core.sources.header import Check
from stages.core.sources.parquet import parquet_files

# What the stores call what changes with an object, best first, and what the manifest does.
_FACTS = {
    "VersionId": "version_id",
    "version_id": "version_id",
    "generation": "generation",
    "ETag": "etag",
    "etag": "etag",
    "md5Hash": "md5",
    "LastModified": "last_modified",
    "last_modified": "last_modified",
    "mtime": "last_modified",
    "created": "last_modified",
}
_VERSION = {
    "version_id": "version",
    "generation": "generation",
    "etag": "ETag",
    "md5": "MD5",
    "objects": "list of objects",
    "last_modified": "date",
}
_NOT_HERE = {
    "file": "kind: file",
    "local": "kind: file",
    "http": "kind: http",
    "https": "kind: http",
}
_HOW = {
    "s3": how_to_install("s3"),
    "gs": "pip install gcsfs",
    "gcs": "pip install gcsfs",
    "az": "pip install adlfs",
    "abfs": "pip install adlfs",
}


def read_storage(source: StorageSource, tracked: Path, check: Check, key: str) -> Read:
    """Fetch the object, or all Parquet files below a folder, and read it.

    Credentials are where the store's own tools look for them: AWS_ACCESS_KEY_ID and the like,
    ~/.aws/credentials, the machine's role.

    Raises:
        LoopwrightError: the store does not give it, or it changed meanwhile; or as
            `read_file`.
    """
    name = masked(source.url)
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder, PurePosixPath(source.url.split("://", 1)[1]).name or "source")
        try:
            system, path = _system(source, key)
            before = _version(system, path)
            system.get(path, str(local), recursive=system.isdir(path))
            after = _version(system, path)
        except LoopwrightError:
            raise
        except Exception as fault:  # each store has its own
            raise _fault(source, fault) from None
        if before != after:
            raise LoopwrightError(f"{name}: it changed while it was read; run again")
        before.pop("bytes", None)
        facts = {"from": name, **digest_of(parquet_files(local, name), local), "version": before}
        return Read(read_file(local, name, source.format, check), facts)


def look_storage(source: StorageSource, tracked: Path, recorded: Facts, key: str) -> Look:
    """Ask the store for the version of the object, and not for the object.

    Raises:
        LoopwrightError: the store does not answer.
    """
    try:
        now = _version(*_system(source, key))
    except LoopwrightError:
        raise
    except Exception as fault:  # each store has its own
        raise _fault(source, fault) from None
    return compared({**recorded["version"], "bytes": recorded["bytes"]}, now, _VERSION)


def _system(source: StorageSource, key: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    scheme = source.url.partition("://")[0]
    if scheme in _NOT_HERE:
        raise LoopwrightError(f"{key}.url: {scheme}:// is read by `{_NOT_HERE[scheme]}`")
    try:
        system, path = url_to_fs(source.url, **(source.options or {}))
    except ImportError as fault:
        how = _HOW.get(scheme)
        advice = f": {how}" if how else f" ({fault})"
        raise LoopwrightError(f"{key}.url: {scheme}:// needs another package{advice}") from None
    except ValueError as fault:
        raise LoopwrightError(f"{key}.url: {masked(str(fault))}") from None
    system.invalidate_cache()
    return system, str(path)


def _version(system: Any, path: str) -> dict[str, Any]:
    """Return what the store says that changes with the object, or with those of the folder."""
    system.invalidate_cache()
    if not system.isdir(path):
        return _facts(system.info(path))
    listed = sorted(
        (PurePosixPath(name).relative_to(path).as_posix(), sorted(_facts(info).items()))
        for name, info in system.find(path, detail=True).items()
    )
    return {"objects": hashlib.sha256(repr(listed).encode()).hexdigest()}


def _facts(info: Facts) -> dict[str, Any]:
    found: dict[str, Any] = {"bytes": info.get("size")}
    for theirs, ours in _FACTS.items():
        value = info.get(theirs)
        if value is not None and ours not in found and value != "null":
            value = value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
            found[ours] = str(value).strip('"')
    return found


def _fault(source: StorageSource, fault: Exception) -> LoopwrightError:
    name = masked(source.url)
    if isinstance(fault, FileNotFoundError):
        return LoopwrightError(f"{name}: there is no such object")
    told = masked(str(fault)) or type(fault).__name__
    advice = (
        "see the URL and the options, and the credentials where the store's tools look for them"
    )
    return LoopwrightError(f"{name}: it cannot be fetched ({told}); {advice}")
