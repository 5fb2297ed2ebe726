"""The stack machine that pickles are programs for, without the opcodes that import, call or build objects.

Lib/pickletools.py of CPython documents the opcodes. No loop here follows what is nested, so that depth needs
no limit of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from .source import Refused, Source
from .tensors import Storage, fill, made, named, referred

_OPCODES_LIMIT = 1 << 19  # a BERT of 24 layers takes 15 497, with the states of AdamW 51 591
_STACK_LIMIT = 1 << 16
_MARKS_LIMIT = 1 << 10
_MEMO_LIMIT = 1 << 17
_TEXT_LIMIT = 1 << 20  # bytes of one text
_LONG_LIMIT = 16  # bytes of one whole number
_LAST_PROTOCOL = 5


class Machine:
    """The machine and what it has seen.

    Attributes:
        source: The pickles, one after another.
        storages: Every storage that was referred to, by its key.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.storages: dict[str, Storage] = {}
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._opcodes = 0

    def run(self) -> Any:
        """The value of the next pickle.

        Raises:
            Refused: It is cut short, too large, or holds what no tensor needs.
        """
        self._stack, self._marks, self._memo = [], [], {}
        while (opcode := self.source.take(1)) != b".":
            if opcode not in _STEPS:
                raise Refused(f"its pickle has the opcode {_REFUSED.get(opcode, opcode.hex())}, which no tensor needs")
            _STEPS[opcode](self)
            self._check_sizes()
        value = self.pop()
        if self._stack or self._marks:
            raise Refused("its pickle leaves something on its stack")
        return value

    def push(self, value: Any) -> None:
        """Put a value on the stack."""
        self._stack.append(value)

    def pop(self) -> Any:
        """Take the last value, which lies above the last mark."""
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise Refused("its pickle takes from an empty stack")
        return self._stack.pop()

    def mark(self) -> None:
        """Remember how high the stack is."""
        self._marks.append(len(self._stack))

    def pop_to_mark(self) -> list[Any]:
        """Take the last mark and all values above it."""
        if not self._marks:
            raise Refused("its pickle looks for a mark that was not set")
        mark = self._marks.pop()
        values = self._stack[mark:]
        del self._stack[mark:]
        return values

    def keep(self, index: int | None = None) -> None:
        """Remember the last value under a number, by itself the next one."""
        value = self.pop()
        self.push(value)
        self._memo[len(self._memo) if index is None else index] = value

    def recall(self, index: int) -> None:
        """Push a value that was kept."""
        if index not in self._memo:
            raise Refused(f"its pickle recalls the value {index}, which it did not keep")
        self.push(self._memo[index])

    def _check_sizes(self) -> None:
        self._opcodes += 1
        if (
            self._opcodes > _OPCODES_LIMIT
            or len(self._stack) > _STACK_LIMIT
            or len(self._marks) > _MARKS_LIMIT
            or len(self._memo) > _MEMO_LIMIT
        ):
            raise Refused("its pickle does more than any state dict needs")


def _begin(machine: Machine) -> None:
    if machine.source.number(1) > _LAST_PROTOCOL:
        raise Refused(f"its pickle is of a protocol after {_LAST_PROTOCOL}")


def _text(machine: Machine, bytes_of_size: int) -> None:
    size = machine.source.number(bytes_of_size)
    if size > _TEXT_LIMIT:
        raise Refused(f"a text in its pickle has {size} bytes, more than the {_TEXT_LIMIT} that are read")
    machine.push(machine.source.text(size))


def _long(machine: Machine) -> None:
    size = machine.source.number(1)
    if size > _LONG_LIMIT:
        raise Refused(f"a whole number in its pickle has {size} bytes, more than the {_LONG_LIMIT} that are read")
    machine.push(int.from_bytes(machine.source.take(size), "little", signed=True))


def _tuple(machine: Machine, length: int) -> None:
    machine.push(tuple([machine.pop() for _ in range(length)][::-1]))


def _append(machine: Machine, values: list[Any]) -> None:
    target = machine.pop()
    if type(target) is not list:
        raise Refused("its pickle appends to what is no list")
    target.extend(values)
    machine.push(target)


def _set(machine: Machine, flat: list[Any]) -> None:
    target = machine.pop()
    if type(target) is not dict or len(flat) % 2:
        raise Refused("its pickle sets an item of what is no dict")
    fill(target, zip(flat[::2], flat[1::2], strict=True))
    machine.push(target)


def _name(machine: Machine, module: Any, name: Any) -> None:
    if type(module) is not str or type(name) is not str:
        raise Refused("its pickle names something by what is no text")
    machine.push(named(f"{module}.{name}"))


def _refer(machine: Machine) -> None:
    storage = referred(machine.pop())
    if machine.storages.setdefault(storage.key, storage) != storage:
        raise Refused(f"it describes the storage {storage.key!a} in two ways")
    machine.push(storage)


def _make(machine: Machine) -> None:
    arguments, function = machine.pop(), machine.pop()
    machine.push(made(function, arguments))


def _drop_attributes(machine: Machine) -> None:
    """The `_metadata` that torch hangs on a state dict: versions of modules, which are no weights."""
    attributes, target = machine.pop(), machine.pop()
    if type(attributes) is not dict or type(target) is not dict:
        raise Refused("it gives attributes to what is no dict")
    machine.push(target)


def _last_two(machine: Machine) -> list[Any]:
    second, first = machine.pop(), machine.pop()
    return [first, second]


_STEPS: dict[bytes, Callable[[Machine], object]] = {
    b"\x80": _begin,
    b"\x95": lambda machine: machine.source.take(8),  # how far Python should read ahead
    b"N": lambda machine: machine.push(None),
    b"\x88": lambda machine: machine.push(True),
    b"\x89": lambda machine: machine.push(False),
    b"K": lambda machine: machine.push(machine.source.number(1)),
    b"M": lambda machine: machine.push(machine.source.number(2)),
    b"J": lambda machine: machine.push(struct.unpack("<i", machine.source.take(4))[0]),
    b"\x8a": _long,
    b"G": lambda machine: machine.push(struct.unpack(">d", machine.source.take(8))[0]),
    b"X": lambda machine: _text(machine, 4),
    b"\x8c": lambda machine: _text(machine, 1),
    b"T": lambda machine: _text(machine, 4),  # as Python 2 wrote texts
    b"U": lambda machine: _text(machine, 1),
    b"}": lambda machine: machine.push({}),
    b"]": lambda machine: machine.push([]),
    b")": lambda machine: machine.push(()),
    b"(": Machine.mark,
    b"t": lambda machine: machine.push(tuple(machine.pop_to_mark())),
    b"\x85": lambda machine: _tuple(machine, 1),
    b"\x86": lambda machine: _tuple(machine, 2),
    b"\x87": lambda machine: _tuple(machine, 3),
    b"a": lambda machine: _append(machine, [machine.pop()]),
    b"e": lambda machine: _append(machine, machine.pop_to_mark()),
    b"s": lambda machine: _set(machine, _last_two(machine)),
    b"u": lambda machine: _set(machine, machine.pop_to_mark()),
    b"q": lambda machine: machine.keep(machine.source.number(1)),
    b"r": lambda machine: machine.keep(machine.source.number(4)),
    b"\x94": Machine.keep,
    b"h": lambda machine: machine.recall(machine.source.number(1)),
    b"j": lambda machine: machine.recall(machine.source.number(4)),
    b"c": lambda machine: _name(machine, machine.source.line(), machine.source.line()),
    b"\x93": lambda machine: _name(machine, *_last_two(machine)),
    b"Q": _refer,
    b"R": _make,
    b"b": _drop_attributes,
}
_REFUSED = {
    b"0": "POP",
    b"\x81": "NEWOBJ",
    b"\x92": "NEWOBJ_EX",
    b"i": "INST",
    b"o": "OBJ",
    b"P": "PERSID",
    b"\x82": "EXT1",
    b"\x83": "EXT2",
    b"\x84": "EXT4",
}
