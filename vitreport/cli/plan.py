"""`vitreport train --dry-run`: what would be trained, where each value comes from, and what it costs."""

from dataclasses import asdict, dataclass

from vitreport.cli.console import print_json, print_table, print_text
from vitreport.cli.format import compact, toml_value
from vitreport.cli.records import state_of
from vitreport.data.sources import DATASETS, open_decoded
from vitreport.models.cost import measure_cost
from vitreport.models.registry import build_model
from vitreport.runtime import Runtime
from vitreport.spec.compose import Composed, flat
from vitreport.spec.run import RunSpec
from vitreport.store.checkpoint import KEPT
from vitreport.store.folders import newest_attempt
from vitreport.store.reader import read_run
from vitreport.training.device import choose_device, device_name
from vitreport.training.memory import memory_errors
from vitreport.training.optim import TENSORS_PER_PARAMETER

FLOAT_BYTES = 4


@dataclass(frozen=True)
class Plan:
    """`training_images` and `steps` are None where the images are not there to be counted."""

    id: str
    state: str
    device: str
    parameters: int
    forward_flops_per_image: int
    training_flops_per_image: int
    training_images: int | None
    steps: int | None
    disk_bytes: int


def show_plan(composed: Composed, runtime: Runtime, *, as_json: bool) -> None:
    """The resolved spec with the origin of each value, then the plan, on stdout."""
    with memory_errors("building the model"):
        plan = make_plan(composed.spec, runtime)
    values = composed.spec.model_dump(mode="json")
    rows = [(path, value, composed.origins.get(path, "default")) for path, value in flat(values).items()]
    if as_json:
        origins = {path: origin for path, _, origin in rows}
        print_json({"plan": asdict(plan), "spec": values, "origins": origins})
        return
    print_table(["field", "value", "from"], [(path, toml_value(value), origin) for path, value, origin in rows])
    print_text("")
    print_table(["", ""], _plan_rows(plan))


def make_plan(spec: RunSpec, runtime: Runtime) -> Plan:
    """Build the network to count its parameters and FLOPs; nothing is trained or written."""
    data, train = spec.data, spec.train
    model = build_model(spec.model, image_size=data.image_size, num_classes=data.num_classes, seed=spec.seed)
    cost = measure_cost(model, data.image_size)
    images = _training_images(spec, runtime)
    return Plan(
        id=spec.run_id,
        state=_state(spec, runtime),
        device=device_name(choose_device(runtime.device)),
        parameters=cost.parameters,
        forward_flops_per_image=cost.forward_flops_per_image,
        training_flops_per_image=cost.training_flops_per_image,
        training_images=images,
        steps=-(-images // train.batch_size) * train.epochs if images else None,
        disk_bytes=_disk_bytes(spec, cost.parameters),
    )


def _training_images(spec: RunSpec, runtime: Runtime) -> int | None:
    """As decoded, else as published."""
    data = spec.data
    arrays = open_decoded(
        data.dataset, image_size=data.image_size, data_dir=runtime.data_dir, cache_dir=runtime.cache_dir
    )
    if arrays:
        count = len(arrays.splits["train"].labels)
    elif data.dataset in DATASETS:
        count = DATASETS[data.dataset].train_count
    else:
        return None
    kept = min(count, data.limit or count)
    return kept - round(kept * data.validation_fraction)


def _state(spec: RunSpec, runtime: Runtime) -> str:
    folder = newest_attempt(runtime.runs_dir, spec.run_id)
    if not folder.exists():
        return "new"
    run = read_run(folder)
    return f"{state_of(run)}, at step {run.record.step:,}" if run.record else state_of(run)


def _disk_bytes(spec: RunSpec, parameters: int) -> int:
    """The checkpoints that are kept (weights, optimizer, best weights) and the selected weights."""
    per_checkpoint = 1 + TENSORS_PER_PARAMETER[spec.optimizer.name] + (spec.train.selection == "val")
    return parameters * FLOAT_BYTES * (KEPT * per_checkpoint + 1)


def _plan_rows(plan: Plan) -> list[tuple[str, str]]:
    unknown = "unknown until the images are there"
    forward, training = compact(plan.forward_flops_per_image), compact(plan.training_flops_per_image)
    return [
        ("run", plan.id),
        ("state", plan.state),
        ("device", plan.device),
        ("parameters", f"{plan.parameters:,}"),
        ("FLOPs per image", f"{forward} forward, {training} training"),
        ("training images", f"{plan.training_images:,}" if plan.training_images else unknown),
        ("steps", f"{plan.steps:,}" if plan.steps else unknown),
        ("disk", f"{compact(plan.disk_bytes)}B"),
    ]
