"""What the names in the pickle of a state dict mean: descriptions of storages and tensors.

The names, and what stands behind them, are those of torch/_utils.py and torch/serialization.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .source import WORD_LIMIT, Refused, shown

_DIMENSIONS_LIMIT = 32

_STORAGES = {
    "torch.FloatStorage": "F32",
    "torch.HalfStorage": "F16",
    "torch.BFloat16Storage": "BF16",
    "torch.DoubleStorage": "F64",
    "torch.LongStorage": "I64",
    "torch.IntStorage": "I32",
    "torch.ShortStorage": "I16",
    "torch.CharStorage": "I8",
    "torch.ByteStorage": "U8",
    "torch.BoolStorage": "BOOL",
    "torch.storage.UntypedStorage": "U8",
}
_DTYPES = {
    "torch.float32": "F32",
    "torch.float16": "F16",
    "torch.bfloat16": "BF16",
    "torch.float64": "F64",
    "torch.int64": "I64",
    "torch.int32": "I32",
    "torch.int16": "I16",
    "torch.int8": "I8",
    "torch.uint8": "U8",
    "torch.bool": "BOOL",
    "torch.uint16": "U16",
    "torch.uint32": "U32",
    "torch.uint64": "U64",
    "torch.float8_e4m3fn": "F8_E4M3",
    "torch.float8_e5m2": "F8_E5M2",
}


@dataclass(frozen=True)
class Name:
    """What Python would import for a pickle, as text."""

    full: str


@dataclass(frozen=True)
class Storage:
    """Numbers in a row, stored under a key."""

    key: str
    dtype: str
    count: int


@dataclass(frozen=True)
class Tensor:
    """A view of a storage; the offset and the strides are in elements."""

    storage: Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def named(full: str) -> Name:
    """A name of the list of those that weights are written with.

    Raises:
        Refused: It is any other.
    """
    if full not in _MAKERS and full not in _STORAGES and full not in _DTYPES:
        raise Refused(f"it names {shown(full)}, which is no tensor")
    return Name(full)


def made(function: Any, arguments: Any) -> Any:
    """What stands where Python would call a function.

    Raises:
        Refused: The function makes no tensor, or not of such arguments.
    """
    if type(function) is not Name or type(arguments) is not tuple:
        raise Refused("it calls what is no name")
    if function.full not in _MAKERS:
        raise Refused(f"it calls {function.full}, which makes no tensor")
    return _MAKERS[function.full](arguments)


def referred(said: Any) -> Storage:
    """The storage that a persistent id stands for.

    Raises:
        Refused: It stands for something else, such as a whole module.
    """
    if type(said) is tuple and said[:1] == ("module",):
        raise Refused("it holds a whole module, whose code would have to be run")
    if type(said) is not tuple or len(said) not in (5, 6) or said[0] != "storage":
        raise Refused("it refers to what is no storage")
    kind, key, _, count = said[1:5]
    if type(kind) is not Name or kind.full not in _STORAGES or type(key) is not str or not _is_size(count):
        raise Refused("it describes a storage in a way that torch does not")
    if said[5:] not in ((), (None,)):
        raise Refused("it holds views of storages, as early versions of torch wrote them")
    if len(key) > WORD_LIMIT:
        raise Refused("the key of a storage is too long")
    return Storage(key, _STORAGES[kind.full], count)


def fill(target: dict[Any, Any], pairs: Iterable[tuple[Any, Any]]) -> None:
    """Put pairs into a dict.

    Raises:
        Refused: A key is there already, or is neither text nor number.
    """
    for key, value in pairs:
        if type(key) not in (str, int, float, bool, type(None)):
            raise Refused("a key of a dict is neither text nor number")
        if key in target:
            raise Refused(f"a dict has the key '{shown(str(key))}' twice")
        target[key] = value


def _ordered_dict(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    filled: dict[Any, Any] = {}
    if arguments:  # as Python 2 wrote it
        pairs = arguments[0]
        if len(arguments) != 1 or type(pairs) is not list or not all(map(_is_pair, pairs)):
            raise Refused("it makes an OrderedDict of what are no pairs")
        fill(filled, pairs)
    return filled


def _size(arguments: tuple[Any, ...]) -> tuple[int, ...]:
    if len(arguments) != 1 or not _are_sizes(arguments[0]):
        raise Refused("it makes a torch.Size of what are no sizes")
    sizes: tuple[int, ...] = arguments[0]
    return sizes


def _tensor(arguments: tuple[Any, ...]) -> Tensor:
    """From storage, offset, shape and strides; what stands behind them is about gradients."""
    if len(arguments) not in (4, 6, 7) or type(arguments[0]) is not Storage:
        raise Refused("it makes a tensor in a way that torch does not")
    return _view(arguments[0].dtype, *arguments[:4])


def _tensor_of_dtype(arguments: tuple[Any, ...]) -> Tensor:
    """As before, with a storage of bytes and the dtype in the seventh place."""
    dtype = arguments[6] if len(arguments) in (7, 8) else None
    if type(dtype) is not Name or dtype.full not in _DTYPES:
        raise Refused("it makes a tensor of no dtype that is known")
    return _view(_DTYPES[dtype.full], *arguments[:4])


def _view(dtype: str, storage: Any, offset: Any, shape: Any, strides: Any) -> Tensor:
    if type(storage) is not Storage or not _is_size(offset) or not _are_sizes(shape) or not _are_sizes(strides):
        raise Refused("it makes a tensor of what are no storage, offset, shape and strides")
    if len(shape) != len(strides) or len(shape) > _DIMENSIONS_LIMIT:
        raise Refused("it makes a tensor whose shape and strides do not go together")
    return Tensor(storage, dtype, offset, shape, strides)


def _parameter(arguments: tuple[Any, ...]) -> Tensor:
    if len(arguments) != 3 or type(arguments[0]) is not Tensor:
        raise Refused("it makes a parameter of what is no tensor")
    return arguments[0]


def _is_pair(value: Any) -> bool:
    return type(value) in (list, tuple) and len(value) == 2


def _are_sizes(values: Any) -> bool:
    return type(values) is tuple and all(map(_is_size, values))


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


_MAKERS: dict[str, Callable[[tuple[Any, ...]], Any]] = {
    "collections.OrderedDict": _ordered_dict,
    "torch.Size": _size,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_of_dtype,
    "torch._utils._rebuild_parameter": _parameter,
}
