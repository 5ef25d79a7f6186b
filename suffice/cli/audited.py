"""How an audit looks in a terminal. Nothing is computed here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ..report.numbers import count, dollars, fine, milliseconds, percent, rate, when

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ..audit.folder import Written
    from ..audit.found import Audit, Limits, Sign, Spread

STAGES, CLUSTERS, MODELS = 8, 5, 4
BAR = " ▁▂▃▄▅▆▇█"


def show(found: Audit, made: Written | None, files: Mapping[str, str], screen: Console) -> None:
    """The headline, what to try first, then a section a subject; what was not seen is left out."""
    from rich.text import Text

    screen.print(Text(found.headline, style="bold"))
    _lines(screen, "", [*found.notes, *(f"{n:,} × {reason}" for reason, n in list(found.unusable.items())[:5])])
    _advice(found, screen)
    _signs(found, screen)
    _stages(found, screen)
    _lines(screen, "Prompts", list(_prompts(found)))
    _lines(screen, "Traffic", list(_traffic(found)))
    _lines(screen, "Drift", list(_drift(found)))
    _clusters(found, screen)
    _task(made, screen)
    if files:
        screen.print()
        for name, path in files.items():
            screen.print(Text(f"{name}: {path}"), soft_wrap=True)


def _lines(screen: Console, title: str, lines: Sequence[str]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    if lines and title:
        screen.print()
        screen.print(Text(title, style="bold"))
    for line in lines:
        screen.print(Padding(Text(f"· {line}", style="" if title else "dim"), (0, 0, 0, 1)))


def _advice(found: Audit, screen: Console) -> None:
    from rich.padding import Padding
    from rich.text import Text

    if not found.advice:
        return
    screen.print()
    screen.print(Text("What to try first", style="bold"))
    for one in found.advice:
        row = "" if one.row == "–" else f" [{one.row}]"
        screen.print(Padding(Text.assemble((f"{one.signal}{row}", "yellow"), f": {one.measured}"), (0, 0, 0, 1)))
        rest = f"; {one.then}" if one.then else ""
        screen.print(Padding(Text(f"→ {one.first}{rest}. Not: {one.not_}."), (0, 0, 0, 3)))


def _signs(found: Audit, screen: Console) -> None:
    from rich.text import Text

    seen = [sign for sign in found.signs if sign.n]
    if not seen:
        return
    screen.print()
    screen.print(Text("Signs of failure", style="bold"))
    table = _table(("sign", "share", "95 %", "calls", "of", "most often"), right=("share", "calls", "of"))
    for sign in sorted(seen, key=lambda s: -(s.share or 0.0)):
        style = "" if sign.count else "dim"
        table.add_row(*(Text(cell, style=style) for cell in _sign(sign)))
    screen.print(table)
    if (read := found.lenient) is not None and read.share is not None:
        told = f"read forgivingly, {percent(read.share)} of {read.n} broken replies would do"
        screen.print(Text(f" {told} [{percent(read.low)}, {percent(read.high)}]", style="dim"))


def _sign(sign: Sign) -> tuple[str, ...]:
    kinds = ", ".join(f"{kind} {n:,}" for kind, n in list(sign.kinds.items())[:3])
    sampled = " (sampled)" if sign.basis == "sampled" else ""
    between = "" if sign.low is None or sign.high is None else f"[{fine(sign.low)}, {fine(sign.high)}]"
    return f"{sign.title}{sampled}", fine(sign.share), between, f"{sign.count:,}", f"{sign.n:,}", kinds


def _stages(found: Audit, screen: Console) -> None:
    from rich.text import Text

    if not found.stages:
        return
    screen.print()
    screen.print(Text("Stages", style="bold"))
    right = ("calls", "failing", "P50", "P95", "of time", "tokens in", "out", "cost")
    table = _table(("stage", "calls", "failing", "P50", "P95", "of time", "tokens in", "out", "cost"), right=right)
    for one in found.stages[:STAGES]:
        table.add_row(
            Text(one.name if one.kind == "model" else f"{one.name} ({one.kind})"),
            Text(f"{one.calls:,}"),
            Text(f"{one.failing:,}" if one.failing else "–"),
            Text(_ms(one.ms.p50 if one.ms else None)),
            Text(_ms(one.ms.p95 if one.ms else None)),
            Text(percent(one.ms_share)),
            Text(_mean(one.input_tokens)),
            Text(_mean(one.output_tokens)),
            Text(dollars(one.usd)),
        )
    screen.print(table)
    if len(found.stages) > STAGES:
        screen.print(Text(f" and {len(found.stages) - STAGES} more", style="dim"))
    if found.cost.usd is not None:
        cost = found.cost
        day = "" if cost.per_day is None else f", {dollars(cost.per_day)} a day"
        told = f"{dollars(cost.usd)} in all{day}: {cost.logged:,} calls as logged, {cost.listed:,} at list prices"
        rest = f", {cost.unpriced:,} without a price" if cost.unpriced else ""
        screen.print(Text(f" {told}{rest}", style="dim"))


def _ms(limits: Limits | None) -> str:
    return milliseconds(limits.estimate if limits else None)


def _mean(spread: Spread | None) -> str:
    return "–" if spread is None else count(spread.mean)


def _prompts(found: Audit) -> Iterator[str]:
    if found.anatomy:
        made = ", ".join(f"{part.name} {percent(part.share)}" for part in sorted(found.anatomy, key=lambda p: -p.share))
        yield f"made of: {made} (by characters, {found.anatomy_n:,} calls sampled)"
    prefix = found.prefix
    if prefix.usable is None:
        yield prefix.how
    else:
        saved = "" if prefix.usd is None else f"; the rest would have saved {dollars(prefix.usd)}"
        yield f"a cache could serve {percent(prefix.usable)} of their tokens, it served {percent(prefix.cached)}{saved}"
    for broken in prefix.unstable:
        yield (
            f"{broken.stage}: two calls share {percent(broken.prefix)} of the system prompt from its beginning on, "
            f"though {percent(broken.same)} is the same in nearly all: {_flat(broken.where)} … {_flat(broken.other)}"
        )
    again = found.repeated
    if again is not None and again.again:
        differ = f", {percent(again.differing_share)} of them with another reply" if again.differing else ""
        yield f"{percent(again.share)} of calls repeat an earlier one word for word{differ} ({again.basis})"
    if found.pressure and found.pressure.over:
        yield f"{found.pressure.over:,} calls have more than {found.pressure.tokens:,} prompt tokens"


def _traffic(found: Audit) -> Iterator[str]:
    one = found.traffic
    if one.input_tokens and one.output_tokens:
        yield f"prompt tokens {_tokens(one.input_tokens)}; reply tokens {_tokens(one.output_tokens)}"
    if one.start is None or one.end is None or one.per_second is None:
        return
    yield f"{one.calls:,} calls from {when(one.start)} to {when(one.end)} UTC: {rate(one.per_second)} on average"
    yield f"at most {count(one.peak_per_second)} in a second, {count(one.peak_per_minute)} in a minute"
    yield (
        f"calls at once: {one.concurrent:.3g} on average, at most {one.peak_low}"
        + (f" to {one.peak_high}" if one.peak_high != one.peak_low else "")
        + f" ({one.how})"
    )
    if len(one.minutes) > 1:
        yield f"over time: {_sparkline([n for _, n in one.minutes])}"
    if any(hour.calls for hour in one.hours):
        yield f"by hour (UTC, 0 to 23): {_sparkline([hour.calls for hour in one.hours])}"


def _flat(text: str) -> str:
    return repr(" ".join(text.split())[:60])


def _tokens(spread: Spread) -> str:
    return f"P50 {count(spread.p50.estimate)}, P95 {count(spread.p95.estimate)}, P99 {count(spread.p99.estimate)}"


def _sparkline(counts: Sequence[int]) -> str:
    most = max(counts) or 1
    return "".join(BAR[-(-n * (len(BAR) - 1) // most)] for n in counts)


def _drift(found: Audit) -> Iterator[str]:
    if found.drift is None:
        return
    for one in found.drift.moved:
        since = "" if one.since is None else f", most since {when(one.since)}"
        yield f"{one.name}: {one.words}{since} (p {one.adjusted:.2g} after Holm)"
    if found.drift.tested and not found.drift.moved:
        yield f"nothing moved of the {len(found.drift.tested)} things that were tested"
    yield found.drift.note


def _clusters(found: Audit, screen: Console) -> None:
    from rich.padding import Padding
    from rich.text import Text

    if not found.clusters:
        return
    screen.print()
    screen.print(Text("Failing requests that read alike", style="bold"))
    for one in found.clusters[:CLUSTERS]:
        rate = "" if one.rate is None else f"; {percent(one.rate)} of such requests fail"
        signs = ", ".join(f"{name} {n}" for name, n in list(one.signs.items())[:3])
        head = f"{percent(one.share)}: {', '.join(one.words) or 'no words in common'} ({signs}{rate})"
        screen.print(Padding(Text(f"· {head}"), (0, 0, 0, 1)))
        for line in (one.typical.asked, f"→ {one.typical.replied}"):
            screen.print(Padding(Text(" ".join(line.split())[:180], style="dim"), (0, 0, 0, 3)))


def _task(made: Written | None, screen: Console) -> None:
    from rich.text import Text

    if made is None:
        return
    reasons = ", ".join(f"{n} {why}" for why, n in made.by_reason.items())
    screen.print()
    screen.print(Text(f"{made.folder}: {made.examples} requests to label ({reasons})", style="bold"), soft_wrap=True)
    screen.print(f" output: {made.output}", soft_wrap=True)
    left = f" still to fill: {made.left}" if made.left else " nothing is left to fill"
    screen.print(f"{left}. LABELLING.md says how; then: suffice plan {made.folder}", soft_wrap=True)


def _table(names: Sequence[str], right: Sequence[str]) -> Table:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=True, padding=(0, 1))
    for name in names:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return table
