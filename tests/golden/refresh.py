"""`python -m tests.golden.refresh` measures the golden values anew; look at the difference before committing it."""

import json
from pathlib import Path
from typing import Any

from tests.golden.measure import COST_CASES, COSTS, LOSSES, cost, losses
from vitreport.spec.model import ARCHITECTURES


def main() -> None:
    write(LOSSES, {name: [round(loss, 7) for loss in losses(name)] for name in ARCHITECTURES})
    write(COSTS, {case: cost(case) for case in COST_CASES})


def write(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n")
    print(path)


if __name__ == "__main__":
    main()
