"""A file that DVC or git tracks: `paths.source` of dvc.yaml, or a file below it."""

from pathlib import Path

from stages.core.errors import LoopwrightError
from stages.core.sources.declared import FileSource
from stages.core.sources.formats import read_file
from stages.core.sources.found import Facts, Look, Read, digest_of
from stages.core.sources.header import Check
from stages.core.sources.parquet import parquet_files


def locate(below: str | None, tracked: Path, key: str) -> Path:
    """Return the file that a source declares; it is `tracked` or lies below it.

    Args:
        below: its path in `tracked`; None for `tracked` itself.
        tracked: what DVC sees as the stage's input.
        key: what declares it, for an error.

    Raises:
        LoopwrightError: it lies elsewhere, where DVC would not see it change, or is not there.
    """
    path = tracked / below if below is not None else tracked
    if below is not None and tracked.is_file():
        raise LoopwrightError(
            f"{key}: '{below}' is looked for below paths.source of dvc.yaml, which is the file "
            f"{tracked}; set paths.source to the folder that holds all files"
        )
    if below is not None and not path.resolve().is_relative_to(tracked.resolve()):
        raise LoopwrightError(
            f"{key}: '{below}' lies outside {tracked} (paths.source of dvc.yaml), where DVC would "
            "not see it change; move it there"
        )
    if not path.exists():
        raise LoopwrightError(
            f"{path}: no such file; it is {key if below else 'paths.source'} "
            f"{'below paths.source ' if below else ''}in dvc.yaml, and `dvc pull` fetches a "
            "source that DVC tracks"
        )
    return path


def read_local(source: FileSource, tracked: Path, check: Check, key: str) -> Read:
    """Read the file that a source declares.

    Raises:
        LoopwrightError: as `locate` and `read_file`.
    """
    path = locate(source.path, tracked, f"{key}.path")
    if path.is_dir() and source.format.kind != "parquet":
        raise LoopwrightError(
            f"{path}: a folder, and {key}.format is {source.format.kind}; name a file in it: "
            f"{key}.path"
        )
    raw = read_file(path, str(path), source.format, check)
    return Read(raw, {"from": path.as_posix(), **_digest(path), "version": {}})


def look_local(source: FileSource, tracked: Path, recorded: Facts, key: str) -> Look:
    """Hold the bytes of the file against the manifest.

    Raises:
        LoopwrightError: as `locate`.
    """
    path = locate(source.path, tracked, f"{key}.path")
    now = _digest(path)
    if now["sha256"] == recorded.get("sha256"):
        return Look("same", "its bytes are the same")
    return Look("changed", "its bytes are others: `dvc repro` reads them")


def _digest(path: Path) -> Facts:
    return digest_of(parquet_files(path, str(path)), path)
