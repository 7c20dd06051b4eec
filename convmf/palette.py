"""Colours that charts share, on pages and in studies: apart for colour-blind eyes, readable on light and dark."""

ACCENT, QUIET, AMBER, RED = "#14A394", "#7B8FB0", "#D08A1D", "#D9605A"
