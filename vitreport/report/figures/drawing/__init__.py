"""From a figure's plain data to SVG. Only what draws loads matplotlib: see `vitreport.report.figures.cache`."""
