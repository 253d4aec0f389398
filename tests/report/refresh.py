"""`python -m tests.report.refresh` renders the golden reports anew after an intended change."""

import tempfile
from pathlib import Path

from tests.report.rendering import GOLDEN, documents
from tests.report.study import write_study

if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        write_study(Path(folder))
        for name, document in documents(Path(folder)).items():
            (GOLDEN / name).write_bytes(document.encode())
