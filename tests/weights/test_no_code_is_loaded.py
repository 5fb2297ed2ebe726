"""No module that reads weights uses what could run code that a file brings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import bert_core.weights

MODULES = sorted(Path(bert_core.weights.__file__).parent.rglob("*.py"))
IMPORTS = {"pickle", "_pickle", "pickletools", "marshal", "shelve", "dill", "cloudpickle", "joblib", "torch", "copyreg"}
IMPORTS |= {"runpy", "imp", "code", "codeop", "yaml"}
NAMES = {"eval", "exec", "compile", "__import__", "Unpickler", "import_module", "load_module", "exec_module"}


def found(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.partition(".")[0] in IMPORTS)
        elif isinstance(node, ast.ImportFrom):
            named = {alias.name for alias in node.names}
            if str(node.module).partition(".")[0] in IMPORTS or named & NAMES:
                yield str(node.module)
        elif isinstance(node, ast.Name) and node.id in NAMES:
            yield node.id
        elif isinstance(node, ast.Attribute) and node.attr in NAMES - {"compile"}:  # of regular expressions
            yield node.attr
        elif isinstance(node, ast.keyword) and node.arg in ("allow_pickle", "shell") and not is_false(node.value):
            yield node.arg


def is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(MODULES[0].parent)))
def test_no_code_is_loaded(module: Path) -> None:
    assert list(found(module.read_text("utf-8"))) == []


def test_every_module_is_looked_at() -> None:
    assert {"torch_pickle.py", "machine.py", "safetensors_file.py", "opened.py"} <= {path.name for path in MODULES}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import pickle as p",
        "from pickle import loads",
        "from _pickle import Unpickler",
        "import torch.serialization",
        "from torch import load",
        "def read():\n    import marshal",
        "import shelve, json",
        "import dill",
        "eval('1')",
        "exec(code)",
        "__import__('pickle')",
        "importlib.import_module('pickle')",
        "from importlib import import_module",
        "compile('1', '', 'eval')",
        "pandas.Unpickler(file)",
        "numpy.load(path, allow_pickle=True)",
        "numpy.load(path, allow_pickle=asked)",
        "subprocess.run(command, shell=True)",
    ],
)
def test_the_look_finds_it(source: str) -> None:
    assert list(found(source))


def test_the_look_lets_others_be() -> None:
    assert not list(found("import json\njson.loads('1')\nnumpy.load(path, allow_pickle=False)\nre.compile('a')"))
