"""What one process does for one run: run the loop, write its events, resume what was interrupted."""

import signal
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import torch

from vitreport.data.batches import ImageSet
from vitreport.data.notices import class_warning, image_notices
from vitreport.data.registry import ImageRequest
from vitreport.data.sources import open_dataset
from vitreport.errors import DivergedError, RecordError, ResourceError
from vitreport.files import remove_temporaries, write_json
from vitreport.formatting import counted, listed
from vitreport.models.memory_format import has_channels_last
from vitreport.privacy import Places
from vitreport.randomness import RANDOMNESS_VERSION
from vitreport.records.folders import has_checkpoint
from vitreport.records.measurement import TRAIN_EVAL
from vitreport.records.reader import Run, read_run, read_run_file
from vitreport.records.run import DataRecord, ResumeRecord, RunRecord, ThroughputRecord
from vitreport.records.schema import SCHEMA_VERSION, recordable
from vitreport.runtime import BATCH_NORM, CUDA_GRAPHS, Runtime
from vitreport.spec.data import CHANNELS
from vitreport.spec.run import RunSpec
from vitreport.store.checkpoint import broadcast_state, remove_unfinished, restore_newest
from vitreport.store.evaluation import write_results
from vitreport.store.run_state import FORCE_HINT, check_same_images, now
from vitreport.store.signals import StopBetweenSteps, StopSignals
from vitreport.store.software import git_state, versions
from vitreport.store.writer import RunWriter
from vitreport.training import compilation, parallel
from vitreport.training import device as devices
from vitreport.training.cuda_graphs import GraphedStep
from vitreport.training.evaluate import evaluation_batch_size, measure_latency
from vitreport.training.events import EpochFinished, EvaluationStarted, Event, Listener, StepFinished
from vitreport.training.loop import StepFunction, fit, train_step
from vitreport.training.pretrained import load_pretrained, read_pretrained
from vitreport.training.setup import class_counts, place_model, prepare
from vitreport.untrusted_files import reading_errors

EARLIER = {BATCH_NORM.name: "local", "layout": "channels first"}
"""What a fingerprint means that lacks a value."""


def check_together(stop: StopSignals) -> None:
    """Raise StopBetweenSteps if a signal has arrived in one of the processes that train together."""
    requested = signal.SIGTERM if parallel.has_lost_torchrun() else 0
    if number := parallel.all_reduce_max(stop.requested or requested):
        raise StopBetweenSteps(number)


class Session:
    """What one process needs to work on one run."""

    def __init__(self, spec: RunSpec, runtime: Runtime, folder: Path, argv: Sequence[str], listener: Listener) -> None:
        """Build the network, and read the images and the weights to start from."""
        self.spec, self.runtime, self.argv, self.listener = spec, runtime, argv, listener
        compilation.check_mode(runtime.compile)
        self.device = devices.choose_device(runtime.device)
        with devices.memory_errors("starting the device"):
            devices.set_up_device(self.device, runtime.threads or parallel.threads())
        with devices.memory_errors("building the model"):
            model, self.cost = place_model(spec, self.device)
            if runtime.batch_norm == "synchronized":
                model = parallel.synchronize_batch_norm(model, self.device)
        if not devices.is_deterministic(self.device):
            listener.note("warning: this network is not deterministic on a GPU: results vary slightly from run to run")
        is_resumed = has_checkpoint(folder)
        with devices.memory_errors("loading the weights"):
            weights = None if is_resumed else read_pretrained(model, spec, runtime.weights, listener.note)
        self.arrays = open_dataset(ImageRequest.of(spec.data, runtime, listener.note, listener.progress))
        for line in image_notices(spec.data.dataset, self.arrays):
            listener.note(line)
        self.weights = load_pretrained(model, weights, self.arrays.classes) if weights else None
        with devices.memory_errors("moving the images to the device"):
            self.setup = prepare(spec, model, self.arrays)
        self.compiled = self.choose_compiling(None)

    def open(self, folder: Path, check_lock: Callable[[], None]) -> RunWriter:
        """Start a record, or resume from the newest checkpoint; without one, keep the time of the earlier attempt."""
        before, state = read_run(folder), self.setup.state
        self._refuse_others(before)
        if removed := remove_temporaries(folder) + remove_unfinished(folder / "checkpoints"):
            self.listener.note(f"removed {counted(removed, 'unfinished file')}")
        for line in restore_newest(folder / "checkpoints", state):
            self.listener.note(f"warning: {line}; using an older checkpoint")
        self._announce(before)
        self.compiled = self.choose_compiling(before.record if state.step else None)
        record = before.record if before.record and state.step else self._new_record(folder.name)
        if before.record:
            resume = ResumeRecord(step=state.step, time=now(), changed=self._changes(record.fingerprint))
            most = max(before.record.trials_per_job, self.runtime.trials_per_job)
            kept = {"started": before.record.started, "seconds": before.record.seconds, "trials_per_job": most}
            record = record.model_copy(update={**kept, "resumed": (*before.record.resumed, resume)})
        writer = RunWriter(folder, record, self.runtime.checkpoint_seconds, state.step, check_lock)
        write_json(folder / "spec.json", {"schema_version": SCHEMA_VERSION, **self.spec.model_dump(mode="json")})
        for damage in writer.cut_epochs(state.epoch, self.spec.train.epochs):
            self.listener.note(f"warning: {damage}")
        writer.update(status="running", finished=None, error=None)
        return writer

    def train(self, writer: RunWriter, stop: StopSignals) -> Iterator[None]:
        """Take the remaining steps, then measure every split. Yield where another run may take its turn."""
        setup, state, train = self.setup, self.setup.state, self.spec.train
        check = partial(check_together, stop)
        with devices.memory_errors(f"at train.batch_size = {train.batch_size}"), devices.compile_errors():
            broadcast_state(state)
            self.compile(writer)
            stop.graceful = True
            try:
                for event in self._fit(check):
                    if isinstance(event, EpochFinished):
                        writer.add_epoch(event.record)
                    if isinstance(event, EpochFinished) or (isinstance(event, StepFinished) and event.loss is not None):
                        writer.save_if_due(state)
                    self.listener.event(event)
                    yield
            except StopBetweenSteps:
                writer.save(state)
                raise
            writer.save(state)
            self.listener.event(EvaluationStarted(state.step))
            writer.check_lock()
            rate = write_results(writer.folder, setup, train, self.arrays.classes, before_batch=check)
            latency = measure_latency(state.model, setup.splits["test"], train)
        speeds = [epoch.images_per_second for epoch in read_run(writer.folder).epochs]  # also of those before a resume
        throughput = ThroughputRecord(
            training_images_per_second=round(median(speeds or [0.0]), 1),
            evaluation_images_per_second=round(rate, 1),
            latency_ms=round(latency, 3),
        )
        writer.update(status="done", finished=now(), step=state.step, throughput=throughput)

    def follow(self, stop: StopSignals) -> None:
        """Take the same steps and measurements as the first process, starting from its state."""
        setup, train, check = self.setup, self.spec.train, partial(check_together, stop)
        with devices.memory_errors(f"at train.batch_size = {train.batch_size}"), devices.compile_errors():
            if not broadcast_state(setup.state):
                return
            self.compile()
            stop.graceful = True
            with parallel.barrier_before_raising(StopBetweenSteps, DivergedError):
                for _ in self._fit(check):
                    pass
                write_results(Path(), setup, train, self.arrays.classes, before_batch=check)

    def _fit(self, before_batch: Callable[[], None]) -> Iterator[Event]:
        setup, train, splits = self.setup, self.spec.train, self.monitored
        step_function = self.step_function()
        return fit(setup.state, setup.batches, splits, train, setup.learning_rate, before_batch, step_function)

    @property
    def monitored(self) -> dict[str, ImageSet]:
        """The splits that are measured after each epoch, by the names of their measurements."""
        splits, train = self.setup.splits, self.spec.train
        names = ["val", "test"] if train.monitor_test else ["val"]
        found = {name: splits[name] for name in names if name in splits}
        if train.monitor_train:
            found[TRAIN_EVAL] = splits["train"]
        return found

    def choose_compiling(self, before: RunRecord | None) -> bool:
        """Return whether to compile the network; a run that is resumed keeps its choice."""
        images, recorded = len(self.setup.batches.images), before.newest("compile") if before else None
        flops = self.cost.training_flops_per_image * images * self.spec.train.epochs
        return compilation.choose(self.runtime.compile, self.spec, self.device, flops, recorded).compiles

    def compile(self, writer: RunWriter | None = None) -> None:
        """Compile the network if that is chosen. Raises ResourceError on failure if the user has asked for it."""
        self.compiled = parallel.broadcast_object(self.compiled)
        if not self.compiled:
            return
        self.listener.note("compiling the network, which takes 20 to 95 seconds")
        setup, train, size = self.setup, self.spec.train, self.spec.data.image_size
        count = max(1, setup.batches.own_images)
        images = torch.zeros(count, CHANNELS, size, size, device=self.device)
        evaluated, cache_dir = evaluation_batch_size(self.device, train, size), self.runtime.cache_dir
        try:
            with devices.compile_errors():
                compilation.compile_network(setup.state.model, images, train.precision, evaluated, cache_dir)
        except ResourceError as error:
            if self.runtime.compile == "on":
                raise
            self.compiled = False
            if writer:
                writer.correct("compile", "no")
            self.listener.note(f"warning: training without compiling: {error.message}")

    def step_function(self) -> StepFunction:
        """Return what takes the steps of training."""
        if not self.runtime.cuda_graphs:
            return train_step
        if self.device.type != "cuda" or parallel.world_size() > 1:
            why = "with several GPUs" if self.device.type == "cuda" else "without a GPU"
            self.listener.note(f"{CUDA_GRAPHS.flag} has no effect {why}")
            return train_step
        return GraphedStep(self.spec.train.batch_size, self.listener.note)

    def _refuse_others(self, before: Run) -> None:
        """Refuse a run that cannot be read, or was started with another spec or on other images."""
        has_steps = has_checkpoint(before.folder)
        for damage in before.damage:
            is_needed = damage.place in ("run.json", "spec.json")
            if is_needed and (has_steps or (before.folder / damage.place).exists()):
                raise RecordError(f"{before.folder}/{damage}", FORCE_HINT)
        if (metrics := before.folder / "metrics.jsonl").exists():  # cut to the checkpoint, it would lose what it holds
            with reading_errors(RecordError, metrics, FORCE_HINT):
                read_run_file(metrics)
        if record := before.record:
            check_same_images(record, self.arrays.fingerprint, f"restore the original images, or {FORCE_HINT}")
            if has_steps and record.status != "done" and record.randomness != RANDOMNESS_VERSION:
                fault = f"run {record.id} cannot be resumed: it started with randomness version {record.randomness}"
                raise RecordError(f"{fault}, this vitreport has version {RANDOMNESS_VERSION}", FORCE_HINT)

    def _announce(self, before: Run) -> None:
        step, total = self.setup.state.step, self.spec.train.epochs * self.setup.batches.steps_per_epoch
        images = ", ".join(f"{len(split):,} {name}" for name, split in self.setup.splits.items())
        if before.record and not step:
            self.listener.note(f"{before.id} was interrupted before its first checkpoint and starts again")
        place, processes = devices.device_name(self.device), parallel.world_size()
        place += f" ({processes} processes)" if processes > 1 else ""
        started = f"training {before.id} on {place}; images: {images}"
        self.listener.note(f"resumed {before.id} at step {step} of {total}" if step else started)
        sizes = class_counts(self.setup.splits, len(self.arrays.classes))
        if fault := class_warning(self.arrays.classes, sizes, limited=self.spec.data.limit is not None):
            self.listener.note(f"warning: {fault}")
        if self.weights:
            self.listener.note(f"weights: {self.weights.in_words(listed)}")

    def _changes(self, recorded: dict[str, str]) -> dict[str, tuple[str, str]]:
        """Return what differs on this machine from the fingerprint of the run's start, and warn of it."""
        recorded = {**EARLIER, **recorded}
        known = {name: (recorded.get(name, "unknown"), value) for name, value in self._fingerprint().items()}
        if self.device.type == "cuda":
            del known["threads"]  # on a GPU, they do not change the result
            if "cpu_capability" not in recorded:  # of a run that was started by an earlier version
                known.pop("cpu_capability", None)
        if changed := {name: pair for name, pair in known.items() if pair[0] != pair[1]}:
            differences = ", ".join(f"{name} {old} -> {new}" for name, (old, new) in changed.items())
            effect = "the result will not be bit-identical to that of an uninterrupted run"
            self.listener.note(f"warning: {differences}: {effect}")
        return changed

    def _fingerprint(self) -> dict[str, str]:
        is_alone = parallel.world_size() == 1
        chosen = {"compiled": self.compiled, "cuda_graphs": self.runtime.cuda_graphs and is_alone}
        found = devices.fingerprint(self.device, self.spec, **chosen, data=self.arrays.fingerprint[:16])
        if has_channels_last(self.setup.state.model, self.device):
            found["layout"] = "channels last"
        return {**versions(), **found, **({} if is_alone else {BATCH_NORM.name: self.runtime.batch_norm})}

    def _new_record(self, run_id: str) -> RunRecord:
        """Make the record of a run that starts now in this process."""
        arrays, splits, places = self.arrays, self.setup.splits, Places.here()
        shared = {name: getattr(arrays, name) for name in DataRecord.model_fields if hasattr(arrays, name)}
        data = DataRecord(
            counts={name: len(split) for name, split in splits.items()},
            class_counts=class_counts(splits, len(arrays.classes)),
            split_hash=self.setup.split_hash,
            overlap=arrays.overlaps.get("train/test"),
            **shared,
        )
        return RunRecord(
            id=run_id,
            status="running",
            started=now(),
            heartbeat=now(),
            trials_per_job=self.runtime.trials_per_job,
            argv=tuple(recordable(places.argument(argument)) for argument in self.argv),
            device=devices.device_name(self.device),
            fingerprint=self._fingerprint(),
            versions=versions(),
            git=git_state(),
            data=data,
            cost=self.cost,
            weights=self.weights,
        )
