"""The learning rate as a pure function of the step."""

import math
from typing import assert_never

from vitreport.spec.optimizer import ConstantSpec, CosineSpec, ScheduleSpec


def learning_rate_at(
    step: int, *, learning_rate: float, schedule: ScheduleSpec, steps_per_epoch: int, total_steps: int
) -> float:
    """Return the learning rate of step 0, 1, ..., total_steps - 1.

    Warm-up over w steps: learning_rate * (step + 1) / w. Then "cosine" multiplies it by f + (1 - f) * (1 + cos(pi *
    progress)) / 2, with f = final_fraction and the progress from 0 to 1 over the remaining steps. With the interval
    "epoch" the progress is that of the epoch's start, minus the lag; epoch 0 has no lag. The lag makes it negative in
    epoch 1 where it is 2; the cosine is even.
    """
    warmup_steps = round(schedule.warmup_epochs * steps_per_epoch)
    if step < warmup_steps:
        return learning_rate * (step + 1) / warmup_steps
    match schedule:
        case ConstantSpec():
            return learning_rate
        case CosineSpec():
            since = step - warmup_steps
            if schedule.interval == "epoch":
                epoch = since // steps_per_epoch
                since = (epoch - schedule.lag_epochs) * steps_per_epoch if epoch else 0
            progress = since / (total_steps - warmup_steps)
            remaining = (1 + math.cos(math.pi * progress)) / 2
            return learning_rate * (schedule.final_fraction + (1 - schedule.final_fraction) * remaining)
        case _:
            assert_never(schedule)
