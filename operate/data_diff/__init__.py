"""What changed in the data between two revisions of the validated table.

diff = compare_tables(base, head, schema_base, schema_head, key, target)
print(markdown(diff))
"""

from operate.data_diff.changes import DataDiff, as_document
from operate.data_diff.compare import compare_tables
from operate.data_diff.figures import figures
from operate.data_diff.page import NO_CHANGE, markdown
from operate.data_diff.snapshot import Snapshot, compare_snapshots, read_snapshot

__all__ = [
    "NO_CHANGE",
    "DataDiff",
    "Snapshot",
    "as_document",
    "compare_snapshots",
    "compare_tables",
    "figures",
    "markdown",
    "read_snapshot",
]
