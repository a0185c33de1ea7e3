"""What passes between the bench and an entrant's process: one folder.

In: ``train.parquet``, ``test.parquet`` (without the target) and ``job.json``. Out:
``predictions.npy`` (the probability of the positive class, of each class in sorted order,
or the number) and ``done.json``. Runs in the entrant's own environment: numpy and pandas
are all that it may count on.
"""

import json
import resource
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Work = Callable[[pd.DataFrame, pd.DataFrame, dict[str, Any]], np.ndarray]


def cpu_seconds() -> float:
    """Return the user and system seconds of this process and the children it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def peak_rss_mb() -> int:
    """Return the largest resident memory that this process has had, in MB.

    From the kernel's own page where there is one: `getrusage` begins with the memory of
    the process that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**20


def carry_out(work: Work, packages: list[str]) -> None:
    """Run `work` on the folder that the command line names.

    Args:
        work: from train rows, test rows and the job to predictions; it imports nothing
            large itself, so that starting Python is not charged to the method.
        packages: whose versions are noted.
    """
    folder = Path(sys.argv[1])
    job = json.loads((folder / "job.json").read_text())
    train, test = (pd.read_parquet(folder / f"{name}.parquet") for name in ("train", "test"))
    before = cpu_seconds()
    predictions = np.asarray(work(train, test, job), dtype=np.float64)
    done = {
        "work_cpu_seconds": round(cpu_seconds() - before, 2),
        "peak_rss_mb": peak_rss_mb(),
        "versions": {name: version(name) for name in packages},
    }
    np.save(folder / "predictions.npy", predictions)
    (folder / "done.json").write_text(json.dumps(done))
