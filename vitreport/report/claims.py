"""The table of published claims, the same for every format."""

from collections.abc import Sequence
from functools import partial

from vitreport.analysis import protocol
from vitreport.analysis.claims import Verdict
from vitreport.formatting import Estimate, describe_intervals
from vitreport.report.blocks import Code, Table, table
from vitreport.report.tables import estimate_cell, vary_in_seeds


def verdicts(content: Sequence[Verdict]) -> Table:
    """Show published claims, with the command that trains what was not measured. The note gives each fault once."""
    seeds = vary_in_seeds(each.measured for each in content)
    faults, rows = list(dict.fromkeys(fault for each in content for fault in each.claim.faults)), []
    for each in content:
        numbers = sorted(faults.index(fault) + 1 for fault in each.claim.faults)
        see = [f"see {', '.join(f'({number})' for number in numbers)}"] if numbers else []
        row = (
            each.claim.subject,
            each.claim.published,
            estimate_cell(each.measured, partial(each.claim.in_words, seeds=seeds)),
            estimate_cell(each.difference, Estimate.in_signed_pp),
            each.outcome,
            "; ".join(filter(None, [each.why, *see])),
            each.claim.source,
            Code("" if each.measured or see else each.claim.command),
        )
        rows.append(row)
    columns = ("claim", "published", "measured", "difference (pp)", "verdict", "why", "source", "command")
    causes = "; ".join(f"({number}) {fault}" for number, fault in enumerate(faults, start=1))
    note = describe_intervals(each.measured for each in content)
    if note:
        note += f" {protocol.TEXTS['single_claims']}"
    if faults:
        note += f" Not comparable: {causes}."
    return table("Published and measured", columns, rows, len(columns), note)
