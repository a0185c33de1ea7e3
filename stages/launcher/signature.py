"""What a warm parent must share with the stages that it forks, as one name."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path

from stages.launcher.interpreter import Interpreter

# Variables that Python, the system or a library reads while it loads, by their first
# letters. What is read later a fork reads as its client has it.
READ_AT_IMPORT = (
    *("ARROW_", "BLIS_", "CUDA_", "DYLD_", "GLIBC_", "GOMP_", "HOME", "JOBLIB_", "KMP_"),
    *("LANG", "LC_", "LD_", "LOKY_", "LOOPWRIGHT_WARM", "MALLOC_", "MKL_", "MPL", "NPY_"),
    *("NUMEXPR_", "NUMPY_", "NVPL_", "OMP_", "OPENBLAS_", "OPENSSL_", "PANDAS_", "PANDERA_"),
    *("XDG_CACHE_HOME", "XDG_CONFIG_", "XDG_DATA_"),
    *("PYDANTIC_", "PYTHON", "SCIPY_", "SKLEARN_", "SSL_", "TMPDIR", "TZ", "VECLIB_"),
)


def signature(root: Path, interpreter: Interpreter, environ: Mapping[str, str]) -> str:
    """Return the same name for two starts that can have the same parent.

    The repository is no part of it: a parent holds no code of a project, so DVC's
    temporary workspaces use the one of their repository.
    """
    parts = [
        *(str(interpreter.python), sys.version),
        *_packages(interpreter.packages),
        *sorted(f"{n}={v}" for n, v in environ.items() if n.startswith(READ_AT_IMPORT)),
        *_confines(),
    ]
    digest = blake2b(os.fsencode("\0".join(parts)), digest_size=12)
    for source in _launcher(root):
        digest.update(source)
    return digest.hexdigest()


def _packages(folder: Path) -> Iterator[str]:
    """Yield what changes when a package is installed, upgraded, repaired or removed."""
    for path in sorted(folder.iterdir()):
        if path.suffix in (".dist-info", ".egg-info", ".pth"):
            yield f"{path.name} {path.stat().st_mtime_ns}"


def _confines() -> Iterator[str]:
    """Yield the limits that a process inherits and a fork of another would not have."""
    yield f"{os.getuid()} {os.getgid()} {sorted(os.getgroups())}"
    yield f"nice {os.getpriority(os.PRIO_PROCESS, 0)}"
    for name in dir(resource):
        if name.startswith("RLIMIT_"):
            yield f"{name} {resource.getrlimit(getattr(resource, name))}"
    if sys.platform == "linux":
        yield f"processors {sorted(os.sched_getaffinity(0))}"
        for name in ("mnt", "net", "pid", "user"):
            yield str(Path("/proc/self/ns", name).readlink())
        yield Path("/proc/self/cgroup").read_text(encoding="utf-8")


def _launcher(root: Path) -> Iterator[bytes]:
    """Yield the sources that a parent runs, so that an edited launcher has a new one."""
    for path in sorted((root / "stages/launcher").glob("*.py")):
        yield path.read_bytes()
