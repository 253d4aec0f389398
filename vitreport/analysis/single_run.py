"""What one run says of its accuracy."""

from vitreport.formatting import Estimate
from vitreport.intervals import share
from vitreport.records.measurement import Measurement


def measured_accuracy(measured: Measurement) -> Estimate:
    """Return the accuracy of one run on a split, with Wilson's interval over its images."""
    return share([(measured.correct, measured.count)]) or Estimate(0.0, 0.0, 1.0, "wilson", 1, images=0)
