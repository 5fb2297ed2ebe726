"""A frozen dataclass as options: of a command line, of a table in a run file, of a help page."""

from __future__ import annotations

import dataclasses
import math
import os
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any, Literal, Union

from .errors import ConfigError, PluginError
from .names import did_you_mean
from .pace import Pace

TRUE = frozenset({"true", "yes", "on", "1"})
FALSE = frozenset({"false", "no", "off", "0"})
RESERVED = frozenset({"name", "task", "model", "optimizer", "schedule", "device", "config", "help", "plugin"})


def option(
    default: Any = MISSING,
    *,
    help: str,
    minimum: float | None = None,
    above: float | None = None,
    maximum: float | None = None,
    metavar: str | None = None,
) -> Any:
    """A dataclass field that is an option.

    Args:
        default: The value when nobody says otherwise.
        help: One sentence for `--help`; required.
        minimum: The least number allowed.
        above: A number that the value must exceed.
        maximum: The greatest number allowed.
        metavar: What stands for the value on a help page.
    """
    metadata = {"help": help, "minimum": minimum, "above": above, "maximum": maximum, "metavar": metavar}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class NoOptions:
    """The options of an owner that has none."""


@dataclass(frozen=True, kw_only=True)
class OptionInfo:
    """Everything that a parser, a run file or a help page needs to know of one option."""

    owner: str
    name: str
    kind: type
    optional: bool
    repeated: bool
    choices: tuple[str, ...]
    default: Any
    help: str
    minimum: float | None
    above: float | None
    maximum: float | None
    metavar: str | None

    @property
    def flag(self) -> str:
        """The option as it is typed: `--train-data`."""
        return "--" + self.name.replace("_", "-")

    @property
    def shown_type(self) -> str:
        """What stands for the value on a help page."""
        if self.choices:
            return "[" + "|".join(self.choices) + "]"
        shown = {bool: "BOOLEAN", int: "INTEGER", float: "NUMBER", str: "TEXT", Path: "PATH", Pace: "STEPS|MINUTESm"}
        return self.metavar or shown[self.kind]

    def parse(self, raw: object) -> Any:
        """The raw value as this option's type.

        Raises:
            ValueError: The value is of the wrong type or out of range; its text is a sentence's end.
        """
        if raw is None and self.optional:
            return None
        if self.repeated:
            return _parse_texts(raw)
        if self.choices:
            return self._parse_choice(raw)
        value = _PARSERS[self.kind](raw)
        self._check_range(value)
        return value

    @property
    def negation(self) -> str:
        """The flag that says no, where the option is yes or no, else nothing."""
        return f"--no-{self.flag[2:]}" if self.kind is bool else ""

    def _parse_choice(self, raw: object) -> str:
        wanted = str(raw).lower().replace("_", "-")
        for choice in self.choices:
            if choice.lower().replace("_", "-") == wanted:
                return choice
        raise ValueError(f"must be one of {', '.join(self.choices)}, not {raw!r}")

    def _check_range(self, value: Any) -> None:
        if self.minimum is not None and value < self.minimum:
            raise ValueError(f"must be at least {self.minimum:g}, not {value!r}")
        if self.above is not None and value <= self.above:
            raise ValueError(f"must be greater than {self.above:g}, not {value!r}")
        if self.maximum is not None and value > self.maximum:
            raise ValueError(f"must be at most {self.maximum:g}, not {value!r}")


def _parse_bool(raw: object) -> bool:
    text = str(raw).lower()
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise ValueError(f"must be true or false, not {raw!r}")


def _parse_int(raw: object) -> int:
    try:
        if isinstance(raw, bool) or not isinstance(raw, (int, str)):
            raise ValueError
        return int(raw)
    except ValueError:
        raise ValueError(f"must be a whole number, not {raw!r}") from None


def _parse_float(raw: object) -> float:
    try:
        if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
            raise ValueError
        value = float(raw)
        if not math.isfinite(value):
            raise ValueError
        return value
    except ValueError:
        raise ValueError(f"must be a number, not {raw!r}") from None


def _parse_str(raw: object) -> str:
    if not isinstance(raw, str):
        raise ValueError(f"must be a text, not {raw!r}")
    if not raw:
        raise ValueError("must not be an empty text")
    return raw


def _parse_texts(raw: object) -> tuple[str, ...]:
    parts = raw.split(",") if isinstance(raw, str) else raw
    if not isinstance(parts, (list, tuple)) or not all(isinstance(part, str) for part in parts):
        raise ValueError(f"must be a list of texts, not {raw!r}")
    return tuple(part.strip() for part in parts if part.strip())


def _parse_path(raw: object) -> Path:
    if isinstance(raw, Path):
        return raw
    if not isinstance(raw, str) or not raw:
        raise ValueError(f"must be a path, not {raw!r}")
    if "\0" in raw:
        raise ValueError(f"must be a path, and no path has a NUL character, not {raw!r}")
    return Path(os.path.expanduser(raw))  # leaves `~nobody` as it is, where Path.expanduser raises


_PARSERS: Mapping[type, Callable[[object], Any]] = {
    bool: _parse_bool,
    int: _parse_int,
    float: _parse_float,
    str: _parse_str,
    Path: _parse_path,
    Pace: Pace,
}


def options_of(options: type, owner: str) -> tuple[OptionInfo, ...]:
    """What a dataclass of options says of each of its fields.

    Raises:
        PluginError: A field has no help, no default, or a type that no option can have.
    """
    hints = typing.get_type_hints(options)
    return tuple(_info(field, hints[field.name], owner) for field in dataclasses.fields(options))


def _info(field: dataclasses.Field[Any], hint: Any, owner: str) -> OptionInfo:
    where = f"option {field.name!r} of {owner}"
    if field.name in RESERVED:
        raise PluginError(f"{where} has a name that every run file and command line needs", hint="Rename it")
    if not field.metadata.get("help"):
        raise PluginError(f"{where} has no help", hint="Declare it with bert_core.option(default, help=...)")
    if field.default is MISSING:
        raise PluginError(f"{where} has no default", hint="Give one; None means 'not said'")
    optional = False
    if typing.get_origin(hint) in (Union, types.UnionType):
        inner = [part for part in typing.get_args(hint) if part is not type(None)]
        optional, hint = len(inner) == 1, inner[0] if len(inner) == 1 else hint
    choices = typing.get_args(hint) if typing.get_origin(hint) is Literal else ()
    repeated = hint == tuple[str, ...]
    kind = str if choices or repeated else hint
    if kind not in _PARSERS:
        raise PluginError(
            f"{where} has the type {hint!r}", hint="Options are bool, int, float, str, Path, Pace or Literal"
        )
    return OptionInfo(
        owner=owner,
        name=field.name,
        kind=kind,
        optional=optional,
        repeated=repeated,
        choices=choices,
        default=field.default,
        **field.metadata,
    )


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Values from one place. `flat` ones belong to whoever owns the name; `tables` name their owner."""

    origin: str
    flat: Mapping[str, object] = dataclasses.field(default_factory=dict)
    tables: Mapping[str, Mapping[str, object]] = dataclasses.field(default_factory=dict)
    strict: bool = True


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The options of every owner of a run, and where each value came from."""

    values: Mapping[str, Any]
    origins: Mapping[str, Mapping[str, str]]

    def tables(self, base: Path = Path()) -> dict[str, dict[str, Any]]:
        """The values as tables of a run file; what is None is left out.

        Args:
            base: The folder that relative paths start from, put before them.
        """
        return {owner: _table(values, base) for owner, values in self.values.items()}


def _table(values: Any, base: Path) -> dict[str, Any]:
    shown = {field.name: getattr(values, field.name) for field in dataclasses.fields(values)}
    return {name: _plain(value, base) for name, value in shown.items() if value is not None}


def _plain(value: Any, base: Path) -> Any:
    if isinstance(value, Path):
        return str(base / value)
    if isinstance(value, Pace):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def index_options(owners: Mapping[str, type]) -> dict[str, OptionInfo]:
    """Every option of the chosen owners by name.

    Raises:
        PluginError: Two owners have an option of the same name.
    """
    index: dict[str, OptionInfo] = {}
    for owner, options in owners.items():
        for info in options_of(options, owner):
            if info.name in index:
                raise PluginError(
                    f"{info.flag} belongs to both {index[info.name].owner} and {owner}",
                    hint="Rename it in one of the two plugins",
                )
            index[info.name] = info
    return index


def resolve(owners: Mapping[str, type], layers: Iterable[Layer]) -> Settings:
    """The value of every option, from the first layer that has one, else its default.

    Args:
        owners: The options dataclass of each owner, by the name of its table.
        layers: Command line first, then run file, then environment.

    Raises:
        ConfigError: All unknown names, wrong types, values out of range and contradictions at once.
    """
    index = index_options(owners)
    layers = tuple(layers)
    problems = [problem for layer in layers for problem in _unknown(layer, owners, index)]
    values: dict[str, dict[str, Any]] = {owner: {} for owner in owners}
    origins: dict[str, dict[str, str]] = {owner: {} for owner in owners}
    for info in index.values():
        origin, value, problem = _value_of(info, layers)
        origins[info.owner][info.name] = origin
        values[info.owner][info.name] = value
        problems += [problem] if problem else []
    if problems:
        raise ConfigError(problems)
    built = {owner: options(**values[owner]) for owner, options in owners.items()}
    contradictions = [text for options in built.values() for text in _contradictions(options)]
    if contradictions:
        raise ConfigError(contradictions)
    return Settings(values=built, origins=origins)


def _value_of(info: OptionInfo, layers: Iterable[Layer]) -> tuple[str, Any, str | None]:
    for layer in layers:
        table = layer.tables.get(info.owner, {})
        if info.name not in layer.flat and info.name not in table:
            continue
        raw = layer.flat[info.name] if info.name in layer.flat else table[info.name]
        try:
            return layer.origin, info.parse(raw), None
        except ValueError as error:
            return layer.origin, None, f"{info.flag} ({layer.origin}) {error}. It is: {info.help}"
    return "default", info.default, None


def _unknown(layer: Layer, owners: Mapping[str, type], index: Mapping[str, OptionInfo]) -> Iterable[str]:
    if not layer.strict:
        return
    for name in layer.flat:
        if name not in index:
            flags = [flag for info in index.values() for flag in (info.flag, info.negation) if flag]
            flag = name if name.startswith("-") else "--" + name.replace("_", "-")
            yield f"no option {flag} in this run ({layer.origin}). {did_you_mean(flag, flags)}".strip()
    for owner, table in layer.tables.items():
        if owner not in owners:
            yield f"no table [{owner}] in a run file ({layer.origin}). {did_you_mean(owner, owners)}".strip()
            continue
        known = [info.name for info in index.values() if info.owner == owner]
        for name in table:
            if name not in known:
                yield f"no key {name!r} in [{owner}] ({layer.origin}). {did_you_mean(name, known)}".strip()


def _contradictions(options: Any) -> Iterable[str]:
    """Sentences from the dataclass's own `problems()` method, where it has one."""
    problems: Callable[[], Iterable[str]] | None = getattr(options, "problems", None)
    return [] if problems is None else list(problems())
