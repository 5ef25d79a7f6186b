"""`suffice latency` and `suffice loadtest`: where time goes, what the peak does to it, and a load run that checks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..digest import plain
from .options import AsJson, Folder, MaxCalls, Seed, StackFile, Usd, Workers
from .say import tell

if TYPE_CHECKING:
    from rich.console import Console

    from ..forecast import Forecast
    from ..latency import Latency, Peak, Percentiles
    from ..loadtest import Loadtest
    from ..pricebook import Figure
    from ..queueing import Slowdown
    from ..stack import Stack
    from ..task import Task
    from ..types import Json

KEPT = "loadtest.json"
"""The last load test of a task, in its `.suffice`."""
NO_VOLUME = "set profile.requests_per_day"
"""Why there is no forecast: nobody said how many requests a day there are, whatever their peak is."""

Factor = Annotated[
    float | None, typer.Option("--peak", min=1, metavar="TIMES", help="The busiest time, as a multiple of the mean.")
]
Audited = Annotated[
    Path | None, typer.Option("--audit", help="An audit.json whose busiest hour says what the peak is.")
]


def latency(
    folder: Folder = Path(),
    stack: StackFile = None,
    factor: Factor = None,
    audit: Audited = None,
    servers: Annotated[int | None, typer.Option(min=1, max=4096, help="Requests in progress at once at most.")] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Say from stored records where a stack's time goes, whether limits hold, and what the peak does to it."""
    from ..latency import busiest, expected, stored
    from ..latency import latency as measure
    from ..load import load
    from .standing import ledger_of, standing

    task = load(folder, seed=seed)
    if audit is not None:
        busiest(audit)
    asked, source = standing(task, stack)
    with ledger_of(task) as ledger:
        timed, how = stored(task, asked, ledger)
    found = measure(timed, slo_ms=task.target.p95_ms, stage_slo_ms=task.target.stages, seed=seed)
    ahead, figures = None, expected(asked, task.folder)
    if task.profile.requests_per_day:
        ahead = _forecast(task, asked, [t.ms for t in timed], servers, (factor, audit), seed)
    body = {"stack": source, "stack_digest": asked.digest, "from": how, **_body(found), "expected": plain(figures)}
    body["forecast"] = None if ahead is None else {**plain(ahead), "kept": ahead.kept, "words": ahead.words}
    body["no_forecast"] = None if ahead else NO_VOLUME
    tell(as_json, body, lambda screen: _show(found, how, figures, ahead, screen))


def loadtest(
    folder: Folder = Path(),
    rate: Annotated[
        float | None, typer.Option("--rate", metavar="R", help="Requests a second; the profile's peak by default.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="How long requests keep arriving.")] = 60.0,
    sample: Annotated[int, typer.Option(min=2, help="Requests to predict from, one at a time, before.")] = 60,
    stack: StackFile = None,
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", metavar="URL#NAME", help="Instead of a stack: http://host/v1#name.")
    ] = None,
    workers: Workers = None,
    paid: Annotated[bool, typer.Option("--paid", help="Replies may cost money; also takes a cap.")] = False,
    factor: Factor = None,
    audit: Audited = None,
    grace: Annotated[
        float,
        typer.Option("--grace", metavar="SECONDS", help="How long replies are waited for at the end."),
    ] = 60.0,
    budget: Usd = None,
    max_calls: MaxCalls = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Drive a stack at a rate past the reply cache, predicted beside measured; exit 1 if its P95 breaks the limit."""
    from ..artifacts import write_whole
    from ..errors import Interrupted
    from ..latency import busiest
    from ..load import load
    from ..loadtest import Drive
    from ..loadtest import loadtest as drive
    from .progress import meter
    from .standing import budget_of, ledger_of

    task = load(folder, seed=seed)
    asked = _asked(task, stack, endpoint)
    if audit is not None:
        busiest(audit)
    if rate is None:
        rate = _peak(task, factor, audit).rate_per_s
    plan = Drive(rate, seconds, sample, workers, paid, grace, seed)
    with ledger_of(task) as ledger, meter(f"load test at {rate:.3g}/s") as bar:
        caps = budget_of(budget, max_calls)
        limit = task.target.p95_ms
        try:
            found = drive(asked, task.dataset, plan, ledger=ledger, budget=caps, slo_ms=limit, progress=bar.progress)
        except KeyboardInterrupt as stopped:
            hint = "what was bought is in the ledger; a load test begins anew, and buys all its replies again"
            raise Interrupted("interrupted", hint=hint) from stopped
    body = _tested(found)
    write_whole(task.state / KEPT, json.dumps(body, indent=1, allow_nan=False).encode())
    tell(as_json, body, lambda screen: _show_test(found, screen))
    if found.kept == "broken":
        raise typer.Exit(1)


def _asked(task: Task, stack: str | None, endpoint: str | None) -> Stack:
    from ..errors import InputError
    from ..model import resolve
    from ..stack import Stack
    from .standing import standing

    if endpoint is None:
        return standing(task, stack)[0]
    if stack is not None or not endpoint.startswith(("http://", "https://")):
        raise InputError("an endpoint stands alone, and is http://host/v1#name", hint="--endpoint or --stack")
    return Stack(resolve(endpoint, folder=task.folder))


def _peak(task: Task, factor: float | None, audit: Path | None) -> Peak:
    from ..errors import InputError
    from ..latency import peak

    if not task.profile.requests_per_day:
        raise InputError("at which rate?", hint="give --rate, or set profile.requests_per_day in suffice.yaml")
    return peak(task.profile.requests_per_day, factor=factor, audit=audit, folder=task.folder)


def _forecast(
    task: Task, stack: Stack, ms: Sequence[float], servers: int | None, at: tuple[float | None, Path | None], seed: int
) -> Forecast:
    from ..forecast import forecast

    known = _slowed(task, stack)
    peak, limit = _peak(task, *at), task.target.p95_ms
    return forecast(ms, servers or stack.parallel, peak, slo_ms=limit, slow=known, seed=seed)


def _slowed(task: Task, stack: Stack) -> Slowdown | None:
    """How requests slow each other, where the last load test was of this very stack."""
    from ..errors import InputError
    from ..plugins import made
    from ..queueing import Slowdown
    from ..strict import read_json

    path = task.state / KEPT
    if not path.is_file():
        return None
    body = read_json(path, "load test")
    if not isinstance(body, dict) or body.get("stack_digest") != stack.digest:
        return None
    try:
        told = {key: tuple(body["slow"][key]) for key in ("levels", "factors", "low", "high")}
    except (KeyError, TypeError) as wrong:
        raise InputError("not what `suffice loadtest` wrote", file=str(path), hint="delete it, test again") from wrong
    return made(Slowdown, told, "`slow`")


def _body(found: Latency) -> dict[str, Any]:
    return {
        "n": found.n,
        "whole": {**plain(found.whole), "kept": found.whole.kept},
        "stages": [{**plain(s), "kept": s.own.kept} for s in found.stages],
        "tail_n": found.tail_n,
        "breaking": found.breaking.name if found.breaking else None,
        "over": [s.name for s in found.over],
        "words": found.words,
    }


def _tested(found: Loadtest) -> dict[str, Json]:
    amounts = {name: {**plain(a), "ratio": a.ratio} for name, a in found.amounts.items()}
    more = {"ratio_p95": found.ratio_p95, "held": found.held, "amounts": amounts}
    return {**plain(found), "stages": _body(found.stages), **more}


def _show(found: Latency, how: str, figures: Sequence[Figure], ahead: Forecast | None, screen: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    screen.print(Text(how, style="dim"))
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("ms", "P50", "P95", "", "P99", "limit", "slowest", ""):
        table.add_column(name, justify="left" if name == "ms" else "right", no_wrap=True)
    for stage in found.stages:
        tail = (f"{stage.tail_share:.0%}", f"{_share(stage.tail_low)} to {_share(stage.tail_high)}")
        table.add_row(stage.name, *_cells(stage.own), *tail)
    table.add_row(Text("end to end", style="bold"), *_cells(found.whole), "", "")
    screen.print(table)
    screen.print(Text(f"slowest: each stage's part in the time of the slowest {found.tail_n} requests", style="dim"))
    screen.print(Text(found.words))
    for figure in figures:
        told = f"{figure.what}: {figure.low:g} to {figure.high:g} {figure.unit} ({figure.source}, {figure.dated})"
        screen.print(Text(f"to expect: {told}", style="dim"))
    if ahead is not None:
        screen.print(Text(ahead.words))
        screen.print(Text(f"peak: {ahead.peak.how}; taken: {'; '.join(ahead.assumes)}", style="dim"))
    else:
        screen.print(Text(f"no forecast: {NO_VOLUME}"))


def _cells(one: Percentiles) -> tuple[str, ...]:
    mark = {"met": "✓", "broken": "✗"}.get(one.kept or "", "?")
    limit = "" if one.slo_ms is None else f"{one.slo_ms:g} {mark}"
    return (
        _ms(one.p50.estimate),
        _ms(one.p95.estimate),
        _between(one.p95.low, one.p95.high),
        _ms(one.p99.estimate),
        limit,
    )


def _between(low: float | None, high: float | None) -> str:
    return f"{_ms(low)} to {_ms(high)}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _show_test(found: Loadtest, screen: Console) -> None:
    from rich.text import Text

    faults = "".join(f", {n} {name}" for name, n in found.faults.items())
    late = f", {found.unfinished} unfinished" if found.unfinished else ""
    told = f"{found.requests} requests at {found.rate_per_s:.3g} a second, {found.workers} at once: "
    screen.print(Text(f"{told}{found.answered} answered{faults}{late}"))
    p, m = found.predicted, found.measured
    screen.print(Text.assemble(("P95 ", "bold"), f"predicted {_ms(p.p95_ms)} ms ({_between(p.low_ms, p.high_ms)}), "))
    ratio = "" if found.ratio_p95 is None else f"; predicted / measured {found.ratio_p95:.2f}"
    least = "at least " if found.cut_off else ""
    screen.print(Text(f"    measured {least}{_ms(m.p95.estimate)} ms in this run{ratio}"))
    if m.slo_ms is not None:
        lost = found.requests - found.answered
        told = f" (the {lost} without a reply count as later than that)" if lost else ""
        screen.print(Text(f"    limit {m.slo_ms:g} ms: {found.kept} in this run{told}"))
    screen.print(Text(f"service alone P95 {_ms(found.service.p95.estimate)} ms, workers busy {found.busy:.0%}"))
    for name, amount in found.amounts.items():
        if amount.measured:
            ratio = "" if amount.ratio is None else f", predicted / measured {amount.ratio:.3f}"
            screen.print(Text(f"{name.replace('_', ' ')}: {amount.measured:,.6g}{ratio}"))
    if found.times_each > 1.5:
        again = f"each example was asked {found.times_each:.1f} times: an engine that keeps prompts is then quicker"
        screen.print(Text(f"{again} than with new ones", style="yellow"))
