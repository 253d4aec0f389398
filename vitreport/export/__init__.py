"""Records in the formats of other tools: tables for CSV, Parquet and pandas, curves for TensorBoard."""
