"""A small study in a file, the specs of its runs, and finished runs of it."""

from pathlib import Path

import pytest

from tests.records import write_run
from vitreport.data.sources import facts_in
from vitreport.spec.run import RunSpec
from vitreport.sweep.study_plan import StudyRequest, plan_study

SMALL = "image_size = 8, patch_size = 4, embed_dim = 8, num_blocks = 1, limit = 40, epochs = 1, batch_size = 18"
STUDY = f"""
title = "Mixers of digits"

claims = [
    {{ of = "mixer", value = "99.00%", source = "a paper" }},
    {{ of = "mixer/batch", at = 10, above = 20, source = "a paper", says = "small batches are better" }},
    {{ of = "mixer", above = "wide", source = "a paper" }},
    {{ of = "wide", value = 0.5, source = "a paper", fault = "leak" }},
]

[faults]
leak = "the paper chose by its test images"

[runs]
mixer = {{ model = "mlp-mixer", dataset = "digits", set = {{ {SMALL} }} }}
wide = {{ model = "mlp-mixer", dataset = "digits", set = {{ {SMALL.replace("embed_dim = 8", "embed_dim = 16")} }} }}

[ablations."mixer/batch"]
model = "mlp-mixer"
dataset = "digits"
set = {{ {SMALL.replace("epochs", "train.epochs")} }}
params.batch_size = [10, 20]

[[sections]]
title = "How wide?"
question = "Does a wider mixer learn more?"
runs = ["wide", "mixer"]

[[sections]]
title = "Which batch?"
ablations = ["mixer/batch"]
"""
FILE = "my.toml"


@pytest.fixture(autouse=True)
def study(own_folders: Path) -> None:
    """Write the study into the folder of the test."""
    Path(FILE).write_text(STUDY)


def specs(name: str, *, seeds: str = "3") -> list[RunSpec]:
    (plan,) = plan_study(StudyRequest(FILE, [name], seeds), facts_in(None)).plans.values()
    return [trial.spec for trial in plan.trials]


def finish(name: str, *, seeds: str = "3") -> list[Path]:
    return [write_run(Path("runs"), spec, 0.5 + 0.05 * spec.seed, seconds=1.5) for spec in specs(name, seeds=seeds)]
