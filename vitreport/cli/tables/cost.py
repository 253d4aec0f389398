"""Print what a network costs on this machine."""

import os
from dataclasses import asdict
from typing import Any

from vitreport.cli.format import flops
from vitreport.formatting import compact, counted, rate
from vitreport.training.throughput import MeasuredCost, Rate


def plain_cost(measured: MeasuredCost) -> dict[str, Any]:
    """Return JSON values."""
    return {
        "device": measured.device,
        "threads": measured.threads,
        "load": measured.load,
        **measured.cost.model_dump(),
        "activation_bytes": measured.activation_bytes,
        "throughput": {"training": asdict(measured.training), "forward": asdict(measured.forward)},
    }


def cost_rows(measured: MeasuredCost) -> list[tuple[str, str]]:
    """Return the lines of a table."""
    cost = measured.cost
    per_image, per_batch = compact(cost.activation_bytes_per_image or 0), compact(measured.activation_bytes)
    place, cores = f"{measured.device}, {counted(measured.threads, 'thread')}", os.cpu_count() or 1
    if measured.load > cores:
        place += f", beside other work (load {measured.load:.1f} on {cores} cores): rough"
    return [
        ("parameters", f"{cost.parameters:,}"),
        ("FLOPs per image", flops(cost.forward_flops_per_image, cost.training_flops_per_image)),
        *([("not counted", ", ".join(cost.uncounted_operations))] if cost.uncounted_operations else []),
        ("activations", f"{per_image}B per image, {per_batch}B at batch size {measured.batch_size:,}"),
        ("training", _speed(measured.training)),
        ("forward", _speed(measured.forward)),
        ("measured on", place),
    ]


def _speed(measured: Rate) -> str:
    samples = f"median of {measured.samples}" if measured.samples > 1 else "once"
    speed = f"{rate(measured.images_per_second)} images/s in batches of {measured.batch_size:,} ({samples})"
    if measured.expected_images_per_second == measured.images_per_second:
        return speed
    return f"{speed}; about {rate(measured.expected_images_per_second)} in whole batches"
