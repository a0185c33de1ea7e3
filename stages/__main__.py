"""`python stages STAGE --PATH FILE ...`: run one stage of the pipeline."""

import sys
from pathlib import Path

if __name__ == "__main__":
    root = Path(__file__).resolve().parent.parent
    # Python put this folder first on the path, where `evaluate` would be a second copy of
    # `stages.evaluate`. What is imported is the repository that this file lies in.
    sys.path[0] = str(root)

    from stages.launcher.command import main

    main(root, sys.argv[1:])
