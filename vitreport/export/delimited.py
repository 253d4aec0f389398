"""Tables as CSV (RFC 4180, UTF-8, a newline after each row): the same records give the same bytes."""

import csv
import io

from vitreport.export.table import Table, Value
from vitreport.formatting import spreadsheet_text


def as_csv(table: Table) -> str:
    """Numbers with all their digits; nothing where a value is missing."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(_cell, table.kinds))
    writer.writerows(zip(*(map(_cell, table.column(name)) for name in table.kinds), strict=True))
    return text.getvalue()


def _cell(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return spreadsheet_text(value)
    return "" if value is None else repr(value)
