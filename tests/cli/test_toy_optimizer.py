"""A new optimizer and a new schedule are added as CONTRIBUTING.md says: specs, a class of torch, and a formula."""

import json
from pathlib import Path

from tests.cli.toys import copied_package, printed_by, replace

SPECS = '''

class ToyOptimizerSpec(BaseSpec):
    """Gradient descent without anything."""

    name: Literal["toy"] = "toy"
    learning_rate: LearningRate = 0.5
    weight_decay: WeightDecay = 0.0


class ToyScheduleSpec(BaseSpec):
    """A warm-up, then a part of the learning rate."""

    name: Literal["toy"] = "toy"
    warmup_epochs: Annotated[float, Field(ge=0)] = 0.0
    part: Fraction = 0.5
'''
OPTIMIZER = '"toy": torch.optim.SGD, '
SCHEDULE = """    if isinstance(schedule, specs.ToyScheduleSpec):
        return learning_rate * schedule.part
"""
TRAIN = [
    *("train", "mlp-mixer", "--dataset=digits", "--epochs=1", "--batch-size=36", "--quiet"),
    *("--set=limit=40", "--set=image_size=8", "--set=patch_size=4", "--set=embed_dim=8", "--set=num_blocks=1"),
    *("--set=optimizer=toy", "--set=lr=0.5", "--set=schedule=toy", "--set=part=0.25", "--set=warmup_epochs=0"),
]


def test_a_new_optimizer_and_a_new_schedule_train_a_step(tmp_path: Path) -> None:
    package = copied_package(tmp_path)
    file = package / "spec/optimizer.py"
    replace(file, "\n\nOptimizerSpec =", f"{SPECS}\n\nOptimizerSpec =")
    replace(file, "| SGDSpec,", "| SGDSpec | ToyOptimizerSpec,")
    replace(file, "| CosineSpec,", "| CosineSpec | ToyScheduleSpec,")
    file = package / "training/optimizers.py"
    for last, added in (('"sgd": torch.optim.SGD}', OPTIMIZER), ("    since = step - warmup_steps\n", SCHEDULE)):
        replace(file, last, f"{added}{last}")
    code = (
        f"from vitreport.cli.main import run\nassert run(['spec', 'fields', '--json']) == 0\nassert run({TRAIN}) == 0\n"
    )
    listed, _, folder = printed_by(code, tmp_path).strip().rpartition("\n")
    fields = {part["section"] for part in json.loads(listed)["sections"] if part["name"] == "toy"}
    assert fields == {"optimizer", "schedule"}
    run = tmp_path / folder
    spec = json.loads((run / "spec.json").read_text())
    assert spec["optimizer"] == {"name": "toy", "learning_rate": 0.5, "weight_decay": 0.0}
    assert spec["schedule"]["part"] == 0.25
    epochs = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert epochs[-1]["learning_rate"] == 0.125
