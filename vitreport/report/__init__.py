"""Render an analysis: sections, tables and figures in every format."""
