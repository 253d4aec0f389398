"""`python -m tests.report.refresh` renders the golden reports anew after an intended change."""

import tempfile
from pathlib import Path

from tests.report.rendering import GOLDEN, GOLDEN_NAMES, documents
from tests.report.study import write_study

if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        write_study(Path(folder))
        found = documents(Path(folder))
        for name in GOLDEN_NAMES:
            (GOLDEN / name).write_bytes(found[name].encode())
