"""Tables as Parquet, with the extra `parquet`."""

import io

from vitreport.export.extras import needs_extra
from vitreport.export.table import Table

with needs_extra("parquet"):
    import pyarrow
    import pyarrow.parquet

TYPES = {
    "text": pyarrow.string(),
    "integer": pyarrow.int64(),
    "number": pyarrow.float64(),
    "truth": pyarrow.bool_(),
    "time": pyarrow.timestamp("ms", tz="UTC"),
}


def as_parquet(table: Table) -> bytes:
    """Return the content of a Parquet file; times are UTC."""
    content, columns = io.BytesIO(), {}
    for name, kind, values in table.typed_columns():
        columns[name] = pyarrow.array(values, TYPES[kind])
    pyarrow.parquet.write_table(pyarrow.table(columns), content)
    return content.getvalue()
