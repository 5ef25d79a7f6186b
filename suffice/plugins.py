"""Find a plugin by name. A built-in's name is its file's name; nothing is registered anywhere.

"retrieval"           suffice/layers/retrieval.py, then the `suffice.layers` entry points
"mylayers.py:Shout"   a file beside the task
"acme.layers:Shout"   an importable module
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import pkgutil
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, get_type_hints

from .errors import InputError, MissingExtra, OwnCode, UnknownPlugin
from .types import Json

T = TypeVar("T")

SHELVES = (
    *("layers", "models", "scorers", "probes", "readers", "embedders", "indexes", "importers"),
    *("trainers", "platforms", "exporters"),
)


_GUARDED: ContextVar[bool] = ContextVar("guarded", default=False)


@contextmanager
def installed_only() -> Iterator[None]:
    """Inside, only what is installed by name is found: no file's Python runs because a stranger's data says so."""
    token = _GUARDED.set(True)
    try:
        yield
    finally:
        _GUARDED.reset(token)


def find(shelf: str, name: str, *, beside: Path | None = None) -> Any:
    """The plugin called `name` on `shelf`; `beside` is the folder that `file.py:Thing` is looked up in."""
    if ":" in name and _GUARDED.get():
        raise OwnCode(f"`{name}` is somebody's own Python, which is not run here")
    if ":" in name:
        return _from_module(name, beside)
    if name in names(shelf):
        return _named(_import(f"suffice.{shelf}.{name}", name), name)
    from importlib.metadata import entry_points

    for entry in entry_points(group=f"suffice.{shelf}", name=name):
        return entry.load()
    near = difflib.get_close_matches(name, names(shelf), 1)
    guess = f"did you mean `{near[0]}`? " if near else ""
    raise UnknownPlugin(f"no {shelf[:-1]} called `{name}`", hint=f"{guess}known: {', '.join(names(shelf))}")


def names(shelf: str) -> list[str]:
    """The built-in plugins on a shelf: its files, in alphabetical order."""
    package = importlib.import_module(f"suffice.{shelf}")
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))


def spec_of(plugin: Any) -> dict[str, Any]:
    """A plugin as data: the name to find it by and the fields that differ from their defaults."""
    if hasattr(plugin, "spec"):
        return dict(plugin.spec)
    shown = [f for f in fields(plugin) if f.repr and f.init]
    own = {f.name: getattr(plugin, f.name) for f in shown if getattr(plugin, f.name) != _default(f)}
    return {"use": name_of(type(plugin)), **own}


def build(shelf: str, spec: Mapping[str, Any], *, beside: Path | None = None) -> Any:
    """The plugin that a spec describes: the inverse of `spec_of`. A spec may be hostile: it makes dataclasses only."""
    if not isinstance(spec, Mapping) or not isinstance(spec.get("use"), str):
        raise InputError(f"a {shelf[:-1]} is described by `use` and its fields")
    given = {key: value for key, value in spec.items() if key != "use"}
    plugin = find(shelf, spec["use"], beside=beside)
    if not (isinstance(plugin, type) and is_dataclass(plugin)):
        raise InputError(f"`{spec['use']}` is no {shelf[:-1]}: a plugin is a dataclass")
    return made(plugin, given, f"{shelf[:-1]} `{spec['use']}`")


def made(kind: type[T], given: Json, what: str) -> T:
    """A dataclass from what a file says of it; `what` names it in the error."""
    if not isinstance(given, Mapping):
        raise InputError(f"{what} must be fields and their values")
    known = [f.name for f in fields(kind) if f.init and f.repr]  # type: ignore[arg-type]  # a dataclass
    if unknown := [key for key in given if key not in known]:
        raise InputError(f"{what} has no `{unknown[0]}`", hint=f"known: {', '.join(known)}")
    try:
        return kind(**_typed(kind, given))
    except (TypeError, ValueError) as wrong:
        raise InputError(f"{what}: {wrong}") from wrong


def _typed(plugin: type, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The given fields as the types that the plugin's annotations name."""
    from pydantic import ConfigDict, TypeAdapter, ValidationError
    from typing_extensions import TypedDict

    hints = get_type_hints(plugin)
    wanted = TypedDict("wanted", {name: hints[name] for name in given})  # type: ignore[misc]  # known at run time only
    wanted.__pydantic_config__ = ConfigDict(arbitrary_types_allowed=True)  # type: ignore[attr-defined]
    try:
        found: Mapping[str, Any] = TypeAdapter(wanted).validate_python(given)
        return found
    except ValidationError as wrong:
        first = wrong.errors()[0]
        raise ValueError(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from wrong


def name_of(plugin: type | Any) -> str:
    """The name that `find` knows a plugin by."""
    package, _, module = plugin.__module__.rpartition(".")
    if package.startswith("suffice."):
        return str(module)
    origin = getattr(sys.modules.get(plugin.__module__), "__suffice_file__", None)
    return f"{origin or plugin.__module__}:{plugin.__qualname__}"


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _named(module: ModuleType, name: str) -> Any:
    camel = "".join(part.title() for part in name.split("_"))
    return getattr(module, camel, None) or getattr(module, name)


def _import(module: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as missing:
        raise MissingExtra(
            f"`{name}` needs the library `{missing.name}`, which is not installed",
            hint=f"pip install {missing.name}",
        ) from missing


def _from_module(name: str, beside: Path | None) -> Any:
    where, _, attribute = name.rpartition(":")
    module = _load_file(where, beside) if where.endswith(".py") else _installed(where)
    if not hasattr(module, attribute):
        raise UnknownPlugin(f"`{where}` has no `{attribute}`", file=where)
    return getattr(module, attribute)


def _installed(where: str) -> ModuleType:
    """A module by its dotted name."""
    hint = "a file beside the task is written with its ending: mine.py:Thing"
    try:
        return importlib.import_module(where)
    except (ModuleNotFoundError, TypeError, ValueError) as wrong:
        missing = getattr(wrong, "name", None)
        if missing is not None and not f"{where}.".startswith(f"{missing}."):
            raise MissingExtra(f"`{where}` needs the library `{missing}`, which is not installed") from wrong
        raise UnknownPlugin(f"no installed module is called `{where}`", hint=hint) from wrong


def _load_file(where: str, beside: Path | None) -> ModuleType:
    path = (beside or Path()) / where
    if not path.is_file():
        raise UnknownPlugin(f"no such file: {path}", hint="the path is taken from the task's folder")
    content = path.read_bytes()
    name = f"suffice_plugin_{hashlib.sha256(str(path.resolve()).encode() + content).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UnknownPlugin(f"cannot load `{path}` as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    module.__suffice_file__ = where  # type: ignore[attr-defined]  # read back by name_of
    try:
        spec.loader.exec_module(module)
    except Exception as wrong:  # somebody else's code may raise anything
        del sys.modules[name]
        raise InputError(f"{type(wrong).__name__}: {wrong}", file=str(path), line=_line_in(path, wrong)) from wrong
    return module


def _line_in(path: Path, wrong: Exception) -> int | None:
    """The deepest line of the file that the error came through."""
    if isinstance(wrong, SyntaxError):
        return wrong.lineno
    frames = traceback.extract_tb(wrong.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if Path(frame.filename) == path), None)
