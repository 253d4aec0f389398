"""`python -m tests.report.refresh` writes golden reports, docs/examples and the JSON Schema."""

import json
import tempfile
from pathlib import Path

from tests.report.rendering import GOLDEN, GOLDEN_NAMES, documents
from tests.report.schema import PUBLISHED, report_schema
from tests.report.study import write_study
from tests.test_contracts import ROOT
from vitreport import analyze_study, render

EXAMPLES = ("digits", "small-images")  # studies with texts; `nox -s results` writes their reports, too

if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    PUBLISHED.write_text(json.dumps(report_schema(), indent=2) + "\n", encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        write_study(Path(folder))
        found = documents(Path(folder))
        for name in GOLDEN_NAMES:
            (GOLDEN / name).write_bytes(found[name].encode())
    for name in EXAMPLES:
        document = render(analyze_study(name, ROOT / "runs", seeds="1..3"))
        (ROOT / "docs" / "examples" / f"{name}.md").write_bytes(document.encode())
