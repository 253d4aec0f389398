"""`vitreport train --dry-run`: what would be trained, where each value comes from, and what it costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vitreport.cli.console import note, print_json, print_table, print_text
from vitreport.cli.format import spec_rows
from vitreport.cli.tables.cost import MeasuredCost, measure
from vitreport.data.catalogue import DATASETS
from vitreport.data.sources import count_images, open_decoded
from vitreport.formatting import compact, duration
from vitreport.records.folders import newest_attempt
from vitreport.records.reader import read_run
from vitreport.runtime import Runtime
from vitreport.spec.compose import Composed, flat
from vitreport.spec.run import RunSpec
from vitreport.store.space import disk_bytes
from vitreport.store.state import state_of


@dataclass(frozen=True)
class Plan:
    """`counted` tells images that are here from published numbers.

    `seconds` is the time of the whole run at the speeds of the network as it is, also where it is `to_compile`.
    """

    id: str
    state: str
    measured: MeasuredCost
    images: Mapping[str, int]
    counted: bool
    steps: int
    seconds: float
    disk_bytes: int
    to_compile: bool

    def as_plain(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "id": self.id,
            "state": self.state,
            **self.measured.as_plain(),
            "images": dict(self.images),
            "counted": self.counted,
            "steps": self.steps,
            "seconds": round(self.seconds, 3),
            "disk_bytes": self.disk_bytes,
            "to_compile": self.to_compile,
        }

    def rows(self) -> list[tuple[str, str]]:
        """Lines of a table."""
        speeds = "the speeds without --compile" if self.to_compile else "these speeds"
        images = ", ".join(f"{count:,} {split}" for split, count in self.images.items())
        return [
            ("run", self.id),
            ("state", self.state),
            *self.measured.rows(),
            ("images", images if self.counted else f"{images} (as published)"),
            ("steps", f"{self.steps:,}"),
            ("time", f"about {duration(self.seconds)} for the whole run with its evaluations, at {speeds}"),
            ("disk", f"{compact(self.disk_bytes)}B"),
        ]


def show_plan(composed: Composed, runtime: Runtime, *, as_json: bool) -> None:
    """The resolved spec with the origin of each value, then the plan, on stdout."""
    plan = make_plan(composed.spec, runtime)
    if as_json:
        values = composed.spec.model_dump(mode="json")
        print_json({"plan": plan.as_plain(), "spec": values, "origins": _origins(composed)})
        return
    print_table(["field", "value", "from"], _rows(composed))
    print_text("")
    print_table(["", ""], plan.rows())


def tell_origins(composed: Composed, runtime: Runtime) -> None:
    """For `--verbose`, on stderr: each value of the spec with its origin, and the folders that are used."""
    for path, value, origin in _rows(composed):
        note(f"{path} = {value} ({origin})" if path else f"    {value}")
    for name, folder in {
        "data sets": runtime.data_dir,
        "decoded images": runtime.cache_dir,
        "runs": runtime.runs_dir,
    }.items():
        note(f"{name} in {folder.absolute()}")


def _origins(composed: Composed) -> dict[str, str]:
    return {path: composed.origins.get(path, "default") for path in flat(composed.spec.model_dump(mode="json"))}


def _rows(composed: Composed) -> list[tuple[str, str, str]]:
    """Field, value and origin."""
    origins = _origins(composed)
    return [(*row, origins.get(row[0], "")) for row in spec_rows(composed.spec.model_dump(mode="json"))]


def make_plan(spec: RunSpec, runtime: Runtime) -> Plan:
    """Count the images, build the network and time some of its steps; no image is trained on, nothing is written."""
    counts, counted = _counts(spec, runtime)
    images = _split(spec, counts)
    measured = measure(spec, runtime.device, runtime.threads, training_images=images["train"])
    return Plan(
        id=spec.run_id,
        state=_state(spec, runtime),
        measured=measured,
        images=images,
        counted=counted,
        steps=-(-images["train"] // spec.train.batch_size) * spec.train.epochs,
        seconds=_seconds(spec, images, measured),
        disk_bytes=disk_bytes(spec, measured.cost.parameters),
        to_compile=runtime.compile,
    )


def _counts(spec: RunSpec, runtime: Runtime) -> tuple[dict[str, int], bool]:
    """The training and test images, and whether they were counted: decoded, or as files in a folder."""
    data = spec.data
    arrays = open_decoded(
        data.dataset,
        image_size=data.image_size,
        data_dir=runtime.data_dir,
        cache_dir=runtime.cache_dir,
        intensity_range=data.intensity_range,
    )
    if arrays:
        return {name: len(split.labels) for name, split in arrays.splits.items()}, True
    return count_images(data.dataset, runtime.data_dir), data.dataset not in DATASETS


def _split(spec: RunSpec, counts: Mapping[str, int]) -> dict[str, int]:
    train = spec.data.images_to_train_on(counts["train"])
    held_out = min(counts["train"], spec.data.limit or counts["train"]) - train
    val = counts["val"] if spec.data.validation == "folder" else held_out
    return {"train": train, **({"val": val} if val else {}), "test": counts["test"]}


def _seconds(spec: RunSpec, images: Mapping[str, int], measured: MeasuredCost) -> float:
    """All epochs with their evaluations, then every split with the last and with the selected weights."""
    train, speeds = spec.train, measured.throughput
    monitored = images.get("val", 0) + (images["test"] if train.monitor_test else 0)
    finally_measured = sum(images.values()) * (2 if train.selection == "val" else 1)
    trained = images["train"] * train.epochs / speeds.training.expected_images_per_second
    return trained + (monitored * train.epochs + finally_measured) / speeds.forward.expected_images_per_second


def _state(spec: RunSpec, runtime: Runtime) -> str:
    folder = newest_attempt(runtime.runs_dir, spec.run_id)
    if not folder.exists():
        return "new"
    run = read_run(folder)
    return f"{state_of(run)}, at step {run.record.step:,}" if run.record else state_of(run)
