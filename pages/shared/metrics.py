"""A figure beside another one: the line below a metric."""

from __future__ import annotations

from convmf.labels import signed


def against(value: float, other: float, words: str, *, digits: int = 2, good: int = 0) -> dict[str, str]:
    """How far a figure is from another one, both as they are shown with these ``digits``, for ``st.metric``.

    ``good`` is 1 where higher is better, -1 where lower is, 0 where it is neither. Arrow and colour are said outright,
    because Streamlit looks for a hyphen, and doesn't take a minus sign for one.
    """
    difference = round(round(value, digits) - round(other, digits), digits)
    arrow, colour = "off", "gray"
    if difference:
        arrow = "up" if difference > 0 else "down"
        colour = "gray" if not good else "green" if good * difference > 0 else "red"
    return {"delta": f"{signed(difference, digits)} {words}", "delta_arrow": arrow, "delta_color": colour}
