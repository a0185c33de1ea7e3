"""The kinds of sources: one line each."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core.sources.found import Facts, Look, Read
from stages.core.sources.header import Check
from stages.core.sources.local import look_local, read_local
from stages.core.sources.own import look_own, read_own
from stages.core.sources.sql import look_sql, read_sql
from stages.core.sources.storage import look_storage, read_storage
from stages.core.sources.web import look_web, read_web


@dataclass(frozen=True)
class Kind:
    """What a kind of source can do.

    Attributes:
        read: its rows: (declaration, paths.source, check of the header, its key in params.yaml).
        look: whether it changed: (declaration, paths.source, facts of the manifest, its key).
    """

    read: Callable[[Any, Path, Check, str], Read]
    look: Callable[[Any, Path, Facts, str], Look]


KINDS = {
    "file": Kind(read_local, look_local),
    "http": Kind(read_web, look_web),
    "storage": Kind(read_storage, look_storage),
    "sql": Kind(read_sql, look_sql),
    "own": Kind(read_own, look_own),
}
