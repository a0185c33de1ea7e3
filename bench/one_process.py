"""Run stages one after another in this process: the work without DVC, shells and starts.

`python bench/one_process.py < commands.json` runs in the repository that it is started
in; the commands are a list of argument lists, each the name of a stage and its own.
"""

import json
import os
import sys
from importlib import import_module
from pathlib import Path


def main() -> None:
    """Run the stages that standard input lists, and end at the first that fails."""
    sys.path[0] = str(Path.cwd())
    from stages.launcher.interpreter import settled

    os.environ.update(settled(os.environ))
    from stages.core.stage import run

    for name, *arguments in json.load(sys.stdin):
        code = run(import_module(f"stages.{name}").main, arguments)
        if code != 0:
            sys.exit(code)


if __name__ == "__main__":
    main()
