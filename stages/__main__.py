"""`python stages STAGE --PATH FILE ...`: run one stage of the pipeline."""

import os
import sys

if __name__ == "__main__":
    # Python put this folder first on the path, where `evaluate` would be a second copy of
    # `stages.evaluate`. What is imported is the repository that this file lies in.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120

    from stages.launcher.command import main

    main(sys.path[0], sys.argv[1:])
