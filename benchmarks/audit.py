"""Audit: how fast is a long log audited on one core, and does memory stay where it is?

    python benchmarks/audit.py [--mb 1000] [--seed 0] [--keep FILE]

Writes a synthetic log of OpenAI chat completions (about 3 KB a call: a shared prompt, requests of 20 to 220 made-up
words, JSON replies of which 3 % are broken, 1 % cut off, 1 % errors, 1 % repeats), then in a process of its own first
only reads it and then audits it. Prints MB a CPU second of that process, over all and in the fastest tenth of stretches
of a thousand calls, and its memory at 10, 50 and 100 %. CPU seconds grow where cores and caches are shared, so the load
is printed, and the fastest stretches say what an idle machine would do. Ends with `holds` where these reach 50 MB a CPU
second, reading included, and memory at the end is at most a tenth above that at half.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson

AIM_MB_S = 50.0
GROWTH = 1.10
MARKS = (0.1, 0.5, 1.0)
STRETCH = 1_000
PAGE_KB = os.sysconf("SC_PAGE_SIZE") / 1024


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mb", type=float, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="write the log here, or use it where it is there already")
    parser.add_argument("--inside", choices=("read", "audit"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        print(json.dumps(measured(given.keep, given.inside)))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        path = given.keep or Path(scratch) / "log.jsonl"
        if not path.exists():
            write(path, given.mb, given.seed)
        return report(path)


def write(path: Path, mb: float, seed: int) -> None:
    """The synthetic log."""
    draw = random.Random(seed)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 10))) for _ in range(5_000)]
    rules = "\n".join(f"Rule {n}: {' '.join(draw.choices(words, k=12))}." for n in range(15))
    system, size, at = f"You are a support agent. Reply with JSON.\n{rules}", 0, 0
    with path.open("wb") as file:
        while size < mb * 1e6:
            line = orjson.dumps(call(at, system, words, draw)) + b"\n"
            size, at = size + file.write(line), at + 1


def call(at: int, system: str, words: list[str], draw: random.Random) -> dict[str, object]:
    asked = " ".join(draw.choices(words, k=draw.randint(20, 220))) if draw.random() > 0.01 else "the same question"
    reply = orjson.dumps({"label": draw.choice(words), "why": " ".join(draw.choices(words, k=draw.randint(5, 60)))})
    said, chance = reply.decode(), draw.random()
    said = f"Sure: {said}" if chance < 0.03 else said[:20] if chance < 0.04 else said
    choice = {"index": 0, "message": {"role": "assistant", "content": said, "refusal": None}, "logprobs": None}
    done = {
        "id": f"chatcmpl-{at}",
        "object": "chat.completion",
        "created": 1_700_000_000 + at // 5,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{**choice, "finish_reason": "length" if 0.03 <= chance < 0.04 else "stop"}],
        "usage": {"prompt_tokens": (len(asked) + len(system)) // 4, "completion_tokens": len(said) // 4},
    }
    messages = [{"role": "system", "content": system}, {"role": "user", "content": asked}]
    request = {"model": "gpt-4o-mini", "messages": messages, "response_format": {"type": "json_object"}}
    failed = {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}}
    return {"id": f"req-{at}", "request": request, "response": failed if chance > 0.99 else done, "latency_ms": 650.5}


def report(path: Path) -> int:
    size = path.stat().st_size / 1e6
    print(f"{size:,.0f} MB; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    found = {inside: started(path, inside) for inside in ("read", "audit")}
    for name, one in found.items():
        memory = ", ".join(f"{share:.0%}: {mb:,.0f} MB" for share, mb in zip(MARKS, one["rss"], strict=True))
        each, clock = one["cpu"] / one["calls"] * 1e6, size / one["wall"]
        print(
            f"{name}: {one['calls']:,} calls, {size / one['cpu']:.0f} MB a CPU second ({each:.1f} µs a call; "
            f"{clock:.0f} MB/s on the clock), {one['fastest']:.0f} in the fastest tenth; memory {memory}"
        )
    audit = found["audit"]
    print(f"concluding: {audit['concluding']:.1f} s, then {audit['after']:,.0f} MB")
    fast, flat = audit["fastest"] >= AIM_MB_S, audit["rss"][2] <= GROWTH * audit["rss"][1]
    print("holds" if fast and flat else "does not hold: " + ("memory grows" if fast else "slower than it should be"))
    return 0 if fast and flat else 1


def started(path: Path, inside: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--inside", inside, "--keep", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def measured(path: Path, inside: str) -> dict[str, object]:
    """One pass, in this process: CPU seconds, and resident memory on the way."""
    from suffice.audit.collect import Collector
    from suffice.audit.conclude import conclude
    from suffice.cli.audit import EVERY
    from suffice.exchange import Exchange
    from suffice.logs import Logs

    logs, collected, marks = Logs([path]), Collector(), list(MARKS[:-1])
    rss: list[float] = []
    waiting: list[Exchange] = []
    stretches: list[float] = []
    clock, cpu, calls = time.perf_counter(), time.process_time(), 0
    then = cpu
    for calls, exchange in enumerate(logs, 1):  # counted for the report
        waiting.append(exchange)
        if len(waiting) >= EVERY:
            if inside == "audit":
                collected.take(waiting)
            waiting.clear()
        if not calls % STRETCH:
            now = time.process_time()
            stretches.append(now - then)
            then = now
            if marks and logs.read >= marks[0] * logs.size:
                rss.append(resident())
                marks.pop(0)
    cpu, wall, rss = time.process_time() - cpu, time.perf_counter() - clock, [*rss, resident()]
    began = time.process_time()
    if inside == "audit":
        conclude(collected)
    after = {"concluding": time.process_time() - began, "after": resident()}
    quick = sorted(stretches)[len(stretches) // 20]  # the middle of the fastest tenth
    fastest = STRETCH * logs.size / calls / quick / 1e6
    return {"calls": calls, "cpu": cpu, "wall": wall, "rss": rss, "fastest": fastest, **after}


def resident() -> float:
    """MB of this process in memory now."""
    return int(Path("/proc/self/statm").read_text("utf-8").split()[1]) * PAGE_KB / 1024


if __name__ == "__main__":
    sys.exit(main())
