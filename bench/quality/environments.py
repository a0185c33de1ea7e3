"""An environment for each peer, made by name and kept: none touches the project's own."""

import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

AUTOGLUON = ("autogluon.tabular[lightgbm,catboost,xgboost,fastai]==1.6.0",)


def python_of(name: str, packages: tuple[str, ...], cache: Path) -> Path:
    """Return the Python of environment `name` below `cache`, made where it is not whole.

    Raises:
        subprocess.CalledProcessError: pip could not install `packages`.
    """
    stamp = sha256("\n".join(packages).encode()).hexdigest()[:12]
    folder = cache / f"{name}-{stamp}"
    python, whole = folder / "bin/python", folder / ".whole"
    if not whole.exists():
        print(f"making {folder}: some minutes", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)  # noqa: S603
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)  # noqa: S603
        whole.touch()
    return python
