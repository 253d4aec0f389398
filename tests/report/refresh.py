"""`python -m tests.report.refresh` writes the golden reports and the JSON Schema again after an intended change."""

import json
import tempfile
from pathlib import Path

from tests.report.rendering import GOLDEN, GOLDEN_NAMES, documents
from tests.report.schema import PUBLISHED, report_schema
from tests.report.study import write_study

if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    PUBLISHED.write_text(json.dumps(report_schema(), indent=2) + "\n", encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        write_study(Path(folder))
        found = documents(Path(folder))
        for name in GOLDEN_NAMES:
            (GOLDEN / name).write_bytes(found[name].encode())
