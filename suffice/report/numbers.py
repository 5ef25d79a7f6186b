"""How the report writes numbers: rounding, signs, units and separators, never arithmetic between them."""

from __future__ import annotations

from datetime import UTC, datetime

ABSENT = "–"
"""What stands where nothing was measured."""


def share(value: float | None) -> str:
    """A value in [0, 1], two or three decimals: 0.8 is `0.80`, 0.892 is `0.892`."""
    if value is None:
        return ABSENT
    text = f"{value:.3f}"
    return _minus(text[:-1] if text.endswith("0") else text)


def signed(value: float | None) -> str:
    """A difference of shares, its sign always written."""
    if value is None or value <= 0:
        return share(value)
    return f"+{share(value)}"


def percent(value: float | None) -> str:
    """A share of a whole, as a whole percentage."""
    return ABSENT if value is None else f"{value:.0%}".replace("%", "\u202f%")


def fine(value: float | None) -> str:
    """A share of a whole that may be small: with two decimals under ten percent."""
    if value is None:
        return ABSENT
    if 0 < value < 0.00005:
        return "under 0.01\u202f%"
    return f"{value:.{2 if value < 0.1 else 1}%}".replace("%", "\u202f%")


def small(value: float | None) -> str:
    """An error share or a p-value, to three significant digits."""
    return ABSENT if value is None else "under 0.0001" if 0 < value < 0.0001 else f"{value:.3g}"


def count(value: float | None) -> str:
    """A whole number with its thousands apart, or in powers of ten where it would fill the line."""
    if value is None:
        return ABSENT
    return f"{value:.3g}" if abs(value) >= 1e12 else f"{value:,.0f}"


def milliseconds(value: float | None) -> str:
    """A duration, in seconds from ten seconds on."""
    if value is None:
        return ABSENT
    if value >= 10_000:
        return f"{seconds(value / 1000)}"
    return f"{value:,.{2 if value < 1 else 1 if value < 10 else 0}f}\u202fms"


def seconds(value: float | None) -> str:
    """A duration in seconds."""
    if value is None:
        return ABSENT
    return f"{value:.3g}\u202fs" if value >= 1e9 else f"{value:,.1f}\u202fs"


def rate(per_second: float | None) -> str:
    """How often something happens, by the second, minute, hour or day, whichever gives one or more."""
    if per_second is None:
        return ABSENT
    for name, length in (("second", 1), ("minute", 60), ("hour", 3_600)):
        if per_second * length >= 1:
            return f"{per_second * length:,.3g} a {name}".replace("a hour", "an hour")
    return f"{per_second * 86_400:,.3g} a day"


def when(at: float | None) -> str:
    """A time in seconds since 1970, to the minute, UTC."""
    return ABSENT if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def dollars(value: float | None) -> str:
    """US dollars: cents, or two significant digits below a cent."""
    if value is None:
        return ABSENT
    if value >= 1e12:
        return f"${value:.3g}"
    return f"${value:.2g}" if 0 < value < 0.01 else f"${value:,.2f}"


def signed_dollars(value: float | None) -> str:
    """A difference in US dollars, its sign always written."""
    if value is None or value == 0:
        return dollars(value)
    return f"{'+' if value > 0 else chr(0x2212)}{dollars(abs(value))}"


def figure(value: float | None) -> str:
    """A number of any size: whole from a thousand on, else four significant digits."""
    if value is None:
        return ABSENT
    return count(value) if abs(value) >= 1_000 else f"{value:.4g}"


def _minus(text: str) -> str:
    return text.replace("-", "\u2212")
