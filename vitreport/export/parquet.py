"""Tables as Parquet, with the extra `parquet`."""

import io

from vitreport.export.extras import needs_extra
from vitreport.export.table import Table, moment

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
    """The content of a Parquet file; times are UTC."""
    columns = {}
    for name, kind in table.kinds.items():
        values = table.column(name)
        columns[name] = pyarrow.array(map(moment, values) if kind == "time" else values, TYPES[kind])
    content = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), content)
    return content.getvalue()
