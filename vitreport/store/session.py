"""One training run from its spec to its record: drives the loop, writes what it tells, resumes what was cut off."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from vitreport.data.arrays import ImageArrays
from vitreport.data.notices import class_warning, image_notices
from vitreport.data.request import ImageRequest
from vitreport.data.sources import open_dataset
from vitreport.errors import RecordError
from vitreport.files import make_folder, refuse_unwritable, remove_temporaries, write_json
from vitreport.formatting import counted
from vitreport.privacy import Places
from vitreport.records.folders import has_checkpoint, newest_attempt, next_attempt, refuse_foreign_entries
from vitreport.records.reader import Run, read_run, refuse_unreadable
from vitreport.records.run import DataRecord, InitialWeights, ResumeRecord, RunRecord, ThroughputRecord
from vitreport.records.schema import SCHEMA_VERSION, recordable
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.store.checkpoint import newest_step, remove_unfinished, restore_newest
from vitreport.store.disk_space import peak_bytes, refuse_full_disk
from vitreport.store.failures import failures_recorded, stops_told
from vitreport.store.finished import refuse_other_images, refuse_other_randomness
from vitreport.store.lock import Hold, held
from vitreport.store.provenance import git_state, now, versions
from vitreport.store.results import write_results
from vitreport.store.run_state import BESIDE, is_finished
from vitreport.store.signals import StopBetweenSteps, StopSignals, stop_signals
from vitreport.store.writer import RunWriter
from vitreport.training.device import (
    choose_device,
    compile_errors,
    compile_network,
    device_name,
    fingerprint,
    keep_freed_memory,
    make_deterministic,
    memory_errors,
    step_memory_errors,
)
from vitreport.training.events import EpochFinished, EvaluationStarted, StepFinished
from vitreport.training.listener import Listener
from vitreport.training.loop import fit
from vitreport.training.pretrained import load_pretrained, read_pretrained, told_normalization, told_weights
from vitreport.training.setup import Setup, class_counts, place_model, prepare


def train_run(spec: RunSpec, runtime: Runtime, *, force: bool, argv: Sequence[str], listener: Listener) -> Path:
    """Train a spec, or go on with its run where it was cut off; the folder of its finished record.

    `force` begins anew beside what is there. Raises a VitreportError of the kind that ended the run.
    """
    with stop_signals() as stop, stops_told(force=force):
        device = choose_device(runtime.device)
        make_deterministic(device, runtime.threads)
        keep_freed_memory()
        folder = (next_attempt if force else newest_attempt)(runtime.runs_dir, spec.run_id)
        refuse_foreign_entries(folder)
        refuse_unwritable(folder)
        with memory_errors("building the model"):
            model, cost = place_model(spec, device)
        refuse_full_disk(folder, peak_bytes(spec, cost.parameters))
        begun = newest_step(folder / "checkpoints") > 0
        with memory_errors("loading the weights"):
            weights = None if begun else read_pretrained(model, spec, runtime.weights, listener.note)
        for line in told_normalization(weights, spec) if weights else []:
            listener.note(line)
        arrays = open_dataset(ImageRequest.of(spec.data, runtime, listener.note, listener.progress))
        for line in image_notices(spec.data.dataset, arrays):
            listener.note(line)
        loaded = load_pretrained(model, weights, arrays.classes) if weights else None
        with memory_errors("placing the images"):
            setup = prepare(spec, model, cost, arrays, device)
        make_folder(folder)
        with held(folder) as hold:
            refuse_foreign_entries(folder)  # once more, now that no other process writes to it
            if is_finished(read_run(folder)):  # another process has just done it
                return folder
            session = Session(spec, runtime, arrays, device, setup, loaded, argv, listener)
            writer = session.open(folder, hold)
            with failures_recorded(writer, force=force), step_memory_errors(spec.train.batch_size), compile_errors():
                session.train(writer, stop)
    return folder


@dataclass(frozen=True)
class Session:
    """What one process needs to work on one run."""

    spec: RunSpec
    runtime: Runtime
    arrays: ImageArrays
    device: torch.device
    setup: Setup
    weights: InitialWeights | None
    argv: Sequence[str]
    listener: Listener

    def open(self, folder: Path, hold: Hold) -> RunWriter:
        """Begin the run's record, or restore its newest checkpoint and note that it goes on.

        Where no step was saved, nothing of the first start is left but its time.
        """
        before, state = read_run(folder), self.setup.state
        self._refuse_others(before)
        if removed := remove_temporaries(folder) + remove_unfinished(folder / "checkpoints"):
            self.listener.note(f"removed {counted(removed, 'unfinished file')}")
        for line in restore_newest(folder / "checkpoints", state):
            self.listener.note(f"warning: {line}, an older checkpoint is used")
        self._announce(before)
        places = Places.here(self.runtime.data_dir, self.runtime.runs_dir)
        record = before.record if before.record and state.step else self._new_record(folder.name, places)
        if before.record:
            resumed = (*before.record.resumed, self._resume_record(record))
            kept = {"started": before.record.started, "seconds": before.record.seconds, "resumed": resumed}
            record = record.model_copy(update=kept)
        writer = RunWriter(folder, record, self.runtime.checkpoint_seconds, state.step, places, hold)
        spec = {"schema_version": SCHEMA_VERSION, **self.spec.model_dump(mode="json")}
        write_json(folder / "spec.json", spec)
        for damage in writer.cut_epochs(state.epoch, self.spec.train.epochs):
            self.listener.note(f"warning: {damage}")
        writer.update(status="running", finished=None, error=None)
        return writer

    def train(self, writer: RunWriter, stop: StopSignals) -> None:
        """The steps that are missing, then the final evaluation."""
        setup, train = self.setup, self.spec.train
        state, splits = setup.state, setup.splits
        measured = ("val", "test") if train.monitor_test else ("val",)
        monitored = {name: split for name, split in splits.items() if name in measured}
        if self.runtime.compile:
            self.listener.note("torch compiles the network: the first step takes a minute or so")
            compile_network(state.model)
        stop.graceful = True
        try:
            for event in fit(state, setup.batches, monitored, train, setup.learning_rate, before_batch=stop.check):
                if isinstance(event, EpochFinished):
                    writer.add_epoch(event.record)
                if isinstance(event, EpochFinished) or (isinstance(event, StepFinished) and event.loss is not None):
                    writer.checkpoint_if_due(state)
                    writer.heartbeat(state.step)
                self.listener.event(event)
        except StopBetweenSteps:
            writer.checkpoint(state)
            raise
        writer.checkpoint(state)
        self.listener.event(EvaluationStarted(state.step))
        writer.check_hold()
        rate = write_results(writer.folder, state, splits, train, self.arrays.classes, before_batch=stop.check)
        throughput = ThroughputRecord(
            training_images_per_second=round(writer.median_speed(train.epochs), 1),
            evaluation_images_per_second=round(rate, 1),
        )
        writer.update(status="done", finished=now(), step=state.step, throughput=throughput)

    def _refuse_others(self, before: Run) -> None:
        """Never go on with a run that cannot be read, or was begun with another spec or on other images."""
        begun = has_checkpoint(before.folder)
        for name, found in (("run.json", before.record), ("spec.json", before.spec)):
            if found is None and (begun or (before.folder / name).exists()):
                told = next(line for line in before.damage if line.place == name)
                raise RecordError(f"{before.folder}/{told}", BESIDE)
        refuse_unreadable(before.folder / "metrics.jsonl", BESIDE)
        if before.spec is not None and before.spec != self.spec:
            raise RecordError(f"{before.folder}/spec.json is not the spec of {before.id}", BESIDE)
        if before.record:
            hint = "bring the former images back, or train anew beside it with `--force`"
            refuse_other_images(before.record, self.arrays, hint)
            if begun and before.record.status != "done":
                refuse_other_randomness(before.record)

    def _announce(self, before: Run) -> None:
        step, total = self.setup.state.step, self.spec.train.epochs * self.setup.batches.steps_per_epoch
        images = ", ".join(f"{len(split):,} {name}" for name, split in self.setup.splits.items())
        if before.record and not step:
            self.listener.note(f"{before.id} was cut off before it saved a step: it begins anew")
        begun = f"training {before.id} on {device_name(self.device)}; images: {images}"
        self.listener.note(f"resumed {before.id} at step {step} of {total}" if step else begun)
        sizes = class_counts(self.setup.splits, len(self.arrays.classes))
        if told := class_warning(self.arrays.classes, sizes, limited=self.spec.data.limit is not None):
            self.listener.note(f"warning: {told}")
        if self.weights:
            self.listener.note(told_weights(self.weights, len(self.arrays.classes)))

    def _resume_record(self, record: RunRecord) -> ResumeRecord:
        """Say where the run goes on, and what about this machine is not as it was."""
        recorded = record.fingerprint
        current = self._fingerprint()
        changed = {
            name: (recorded.get(name, "unknown"), value)
            for name, value in current.items()
            if recorded.get(name) != value
        }
        if changed:
            told = ", ".join(f"{name} {old} -> {new}" for name, (old, new) in changed.items())
            self.listener.note(f"warning: {told}: the bits will differ from those of an uninterrupted run")
        return ResumeRecord(step=self.setup.state.step, time=now(), changed=changed)

    def _fingerprint(self) -> dict[str, str]:
        data, precision = self.arrays.fingerprint[:16], self.spec.train.precision
        computing = fingerprint(
            self.device,
            precision=precision,
            compiled=self.runtime.compile,
            spec_hash=self.spec.group_hash,
            data=data,
        )
        return {**versions(), **computing}

    def _new_record(self, run_id: str, places: Places) -> RunRecord:
        """Make the record of a run that begins now in this process."""
        arrays, splits = self.arrays, self.setup.splits
        data = DataRecord(
            fingerprint=arrays.fingerprint,
            canonical=arrays.canonical,
            source=arrays.source,
            classes=arrays.classes,
            counts={name: len(split) for name, split in splits.items()},
            class_counts=class_counts(splits, len(arrays.classes)),
            split_hash=self.setup.split_hash,
            resized=arrays.resized,
            overlap=arrays.overlap,
            intensity_range=arrays.intensity_range,
            mean=arrays.mean,
            std=arrays.std,
        )
        return RunRecord(
            id=run_id,
            status="running",
            started=now(),
            heartbeat=now(),
            argv=tuple(recordable(places.argument(argument)) for argument in self.argv),
            device=device_name(self.device),
            fingerprint=self._fingerprint(),
            versions=versions(),
            git=git_state(),
            data=data,
            cost=self.setup.cost,
            weights=self.weights and self.weights.shortened(),
        )
