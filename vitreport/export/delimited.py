"""Tables as CSV (RFC 4180, UTF-8, a newline after each row): the same records give the same bytes."""

import csv
import io

from vitreport.export.table import Table, Value

FORMULA_SIGNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # noqa: RUF001 (spreadsheets take full-width signs too)


def as_csv(table: Table) -> str:
    """Numbers with all their digits; nothing where a value is missing."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(_cell, table.kinds))
    writer.writerows(zip(*(map(_cell, table.column(name)) for name in table.kinds), strict=True))
    return text.getvalue()


def _cell(value: Value) -> str:
    """Text without control characters, and with an apostrophe where a spreadsheet would take it for a formula."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return "" if value is None else repr(value)
    text = "".join(character for character in value if character.isprintable())
    return f"'{text}" if text.lstrip().startswith(FORMULA_SIGNS) else text
