"""`vitreport train --dry-run`: what would be trained, where each value comes from, and what it costs."""

from vitreport.cli.console import note, print_json, print_table, print_text
from vitreport.cli.format import spec_rows
from vitreport.cli.tables.cost import cost_rows, plain_cost
from vitreport.formatting import compact, duration
from vitreport.runtime import Runtime
from vitreport.spec.compose import Composed, flat
from vitreport.sweep.measured import forecast_run


def show_plan(composed: Composed, runtime: Runtime, *, as_json: bool) -> None:
    """Print the resolved spec with the origin of each value, then the time and the disk of the run."""
    run = forecast_run(composed.spec, runtime)
    if as_json:
        plan = {
            "id": run.id,
            "state": run.state,
            **plain_cost(run.measured),
            "images": dict(run.images),
            "counted": run.counted,
            "steps": run.steps,
            "seconds": round(run.seconds, 3),
            "disk_bytes": run.disk_bytes,
            "to_compile": run.to_compile,
        }
        values = composed.spec.model_dump(mode="json")
        print_json({"plan": plan, "spec": values, "origins": _origins(composed)})
        return
    speeds = "the speeds without --compile" if run.to_compile else "these speeds"
    images = ", ".join(f"{count:,} {split}" for split, count in run.images.items())
    print_table(["field", "value", "from"], _rows(composed))
    print_text("")
    rows = [
        ("run", run.id),
        ("state", run.state),
        *cost_rows(run.measured),
        ("images", images if run.counted else f"{images} (as published)"),
        ("steps", f"{run.steps:,}"),
        ("time", f"about {duration(run.seconds)} for the whole run with its evaluations, at {speeds}"),
        ("disk", f"{compact(run.disk_bytes)}B"),
    ]
    print_table(["", ""], rows)


def note_origins(composed: Composed, runtime: Runtime) -> None:
    """Note, for `--verbose`, each value of the spec with its origin and the folders that are used."""
    for path, value, origin in _rows(composed):
        note(f"{path} = {value} ({origin})" if path else f"    {value}")
    folders = {"data sets": runtime.data_dir, "decoded images": runtime.cache_dir, "runs": runtime.runs_dir}
    for name, folder in folders.items():
        note(f"{name} in {folder.absolute()}")


def _origins(composed: Composed) -> dict[str, str]:
    return {path: composed.origins.get(path, "default") for path in flat(composed.spec.model_dump(mode="json"))}


def _rows(composed: Composed) -> list[tuple[str, str, str]]:
    origins = _origins(composed)
    return [(*row, origins.get(row[0], "")) for row in spec_rows(composed.spec.model_dump(mode="json"))]
