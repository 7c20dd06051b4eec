"""Colours that charts share, on pages and in studies: apart for colour-blind eyes, readable on light and dark."""

ACCENT, QUIET, AMBER, RED = "#14A394", "#7B8FB0", "#D08A1D", "#D9605A"

MODEBAR = {"bgcolor": "rgba(0,0,0,0)", "color": QUIET, "activecolor": ACCENT}
"""Plotly's buttons above a chart, which else keep the colours of one theme in the other."""
