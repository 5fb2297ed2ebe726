"""The reference's `hyper_parameter_config.ini`: options of the training command, one a line."""

from __future__ import annotations

import configparser
from pathlib import Path

from bert_core import DataError

_OURS = ("device_id", "device_num", "data_dir")


def read_hyper_parameters(path: Path) -> tuple[str, ...]:
    """The options that the file's section `[config]` says, as `--name=value`.

    The reference refuses names that stand inside a forbidden one too (`eval_data_dir`); here only these are refused.

    Raises:
        DataError: The file cannot be read, has no such section, or names what the launcher gives to each rank.
    """
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror}", where=path) from None
    except (configparser.Error, ValueError) as error:
        raise DataError(f"the file is no INI file: {' '.join(str(error).split())}", where=path) from None
    if not parser.has_section("config"):
        raise DataError("the file has no section [config]", where=path)
    options = parser.items("config")
    for name, _ in options:
        if name in _OURS:
            hint = "Give the data in the command after --; devices are the launcher's"
            raise DataError(f"{name} does not belong into this file", where=path, hint=hint)
    return tuple(f"--{name}={value}" for name, value in options)
