"""Which plugins a run may use, to the byte."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import importlib_metadata
import pytest

from bert_core.contents import digest, files_of
from bert_core.lock import Lock, Locked

METADATA = "Metadata-Version: 2.1\nName: bertrun-{0}\nVersion: {1}\n"


@pytest.fixture
def make(tmp_path, monkeypatch):
    """An installed package: `make("made", "0.3")` gives its entry point."""

    def make(name, version="0.3", recorded=True, folder=tmp_path):
        package = folder / f"fake_{name}"
        information = folder / f"bertrun_{name}-{version}.dist-info"
        for place in (package / "data", information):
            place.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text("raise SystemExit('imported')\n", encoding="utf-8")
        (package / "plugin.py").write_text("import bert_core\n", encoding="utf-8")
        (package / "data" / "words.txt").write_text("a\nb\n", encoding="utf-8")
        (information / "METADATA").write_text(METADATA.format(name, version), encoding="utf-8")
        (information / "entry_points.txt").write_text(f"[bertrun]\n{name} = fake_{name}.plugin\n", encoding="utf-8")
        (information / "INSTALLER").write_text("pip\n", encoding="utf-8")
        files = [path for place in (package, information) for path in sorted(place.rglob("*")) if path.is_file()]
        rows = [f"{path.relative_to(folder)},," for path in files] + [
            f"../bin/{name},,",
            f"{information.name}/RECORD,,",
        ]
        if recorded:
            (information / "RECORD").write_text("\n".join(rows) + "\n", encoding="utf-8")
        monkeypatch.syspath_prepend(folder)
        (found,) = importlib_metadata.distributions(path=[str(folder)], name=f"bertrun-{name}")
        (point,) = found.entry_points
        return point

    return make


def sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_digest_is_that_of_the_recorded_files_without_what_an_installer_writes(make, tmp_path):
    point = make("made")
    names = [
        "bertrun_made-0.3.dist-info/METADATA",
        "bertrun_made-0.3.dist-info/entry_points.txt",
        "fake_made/__init__.py",
        "fake_made/data/words.txt",
        "fake_made/plugin.py",
    ]
    lines = "".join(f"{sha(tmp_path / name)}  {name}\n" for name in names)
    assert digest(point) == hashlib.sha256(lines.encode()).hexdigest()
    assert "fake_made" not in sys.modules


def test_of_an_editable_install_the_package_s_files_count(make, tmp_path):
    point = make("made", recorded=False)
    (tmp_path / "fake_made" / "__pycache__").mkdir()
    (tmp_path / "fake_made" / "__pycache__" / "plugin.cpython-311.pyc").write_bytes(b"x")
    assert sorted(files_of(point)) == ["fake_made/__init__.py", "fake_made/data/words.txt", "fake_made/plugin.py"]


def test_a_package_that_hides_the_installed_one_is_what_counts(make, tmp_path, monkeypatch):
    point = make("made")
    before = digest(point)
    hiding = tmp_path / "hiding" / "fake_made"
    hiding.mkdir(parents=True)
    (hiding / "__init__.py").touch()
    monkeypatch.syspath_prepend(hiding.parent)
    assert digest(point) != before
    assert list(files_of(point)) == ["fake_made/__init__.py"]


def test_the_place_of_an_install_does_not_change_the_digest(make, tmp_path):
    first = digest(make("made", folder=tmp_path / "one"))
    assert digest(make("made", folder=tmp_path / "two")) == first


@pytest.mark.parametrize("file", ["plugin.py", "data/words.txt"])
@pytest.mark.parametrize("recorded", [True, False])
def test_a_byte_makes_another_digest(make, tmp_path, file, recorded):
    point = make("made", recorded=recorded)
    before = digest(point)
    with (tmp_path / "fake_made" / file).open("a", encoding="utf-8") as stream:
        stream.write("#")
    changed = digest(point)
    assert changed != before
    (tmp_path / "fake_made" / file).unlink()
    assert digest(point) not in (before, changed)


def locked(name="good", version="1.2", sha256="a"):
    return Locked(name=name, distribution=f"bertrun-{name}", version=version, sha256=sha256)


def test_a_lock_is_read_as_it_was_written(tmp_path):
    lock = Lock(path=tmp_path / "bertrun.lock", plugins=(locked(), locked("twin")))
    lock.write()
    assert Lock.read(lock.path) == lock
    assert lock.path.read_text(encoding="utf-8").endswith("}\n")


@pytest.fixture
def locked_file(install, bertrun, tmp_path):
    """A lock of the plugins `good` and `twin`, of which nothing is imported any more."""
    install("good", "twin")
    path = tmp_path / "bertrun.lock"
    answer = bertrun("plugins", "lock", "--output", str(path))
    assert (answer.code, answer.out.partition(";")[0]) == (0, f"{path}: 3 plugins")
    for name in ("fake_good", "fake_twin"):
        del sys.modules[name]
    return path


def change(path, plugin, **values):
    content = json.loads(path.read_text(encoding="utf-8"))
    plugins = [{**one, **(values if one["name"] == plugin else {})} for one in content["plugins"]]
    path.write_text(json.dumps({**content, "plugins": plugins}), encoding="utf-8")


def test_what_is_as_it_was_locked_is_used(locked_file, bertrun):
    answer = bertrun("plugins", "--locked", str(locked_file), "why", "good")
    assert answer.code == 0
    assert f"its files are those of {locked_file}" in answer.out


def test_a_lock_holds_the_host_too(locked_file):
    names = [(one.name, one.distribution) for one in Lock.read(locked_file).plugins]
    assert names == [("builtin", "bertrun"), ("good", "bertrun-good"), ("twin", "bertrun-twin")]


def refused(bertrun, path, *more):
    answer = bertrun("--locked", str(path), "plugins", *more)
    assert answer.code == 3
    assert not {"fake_good", "fake_twin", "fake_every"} & set(sys.modules), "a plugin was imported"
    assert answer.err.startswith(f"bertrun: error: {path}: the plugins are not those that are locked:")
    return answer.err


def test_other_content_is_refused_before_anything_is_imported(locked_file, bertrun):
    change(locked_file, "good", sha256="0" * 64)
    said = refused(bertrun, locked_file)
    assert "the files of bertrun-good 1.2 have the SHA-256 " in said
    assert f"and {'0' * 64} is locked" in said


def test_another_version_is_refused(locked_file, bertrun):
    change(locked_file, "twin", version="1.9")
    assert "bertrun-twin 2.0 is installed, and version 1.9 is locked" in refused(bertrun, locked_file)


def test_a_plugin_more_is_refused_and_can_be_left_out(locked_file, install, bertrun):
    install("every")
    assert "bertrun-every 0.3 is installed and not locked" in refused(bertrun, locked_file)
    assert bertrun("--locked", str(locked_file), "plugins", "--no-plugin", "every").code == 0
    assert "fake_every" not in sys.modules


def test_a_plugin_less_is_refused_unless_it_is_left_out(locked_file, bertrun):
    change(locked_file, "good", name="gone", distribution="bertrun-gone")
    said = refused(bertrun, locked_file)
    assert (
        "\n  - bertrun-gone 1.2 is locked and not installed\n  - bertrun-good 1.2 is installed and not locked" in said
    )


def test_one_that_is_left_out_is_not_missed(locked_file, bertrun):
    answer = bertrun("--locked", str(locked_file), "--no-plugin", "good", "plugins")
    assert answer.code == 0
    assert "good  bertrun-good 1.2  disabled" in answer.out


def test_what_is_left_out_is_not_locked(install, bertrun, tmp_path):
    install("good", "twin")
    bertrun("plugins", "lock", "--output", str(tmp_path / "lock"), "--no-plugin", "twin")
    assert [one.name for one in Lock.read(tmp_path / "lock").plugins] == ["builtin", "good"]


def test_what_cannot_be_used_is_locked_too_so_that_the_lock_fits_where_it_was_made(install, bertrun, tmp_path):
    install("good", "broken", "old")
    bertrun("plugins", "lock", "--output", str(tmp_path / "lock"))
    assert bertrun("--locked", str(tmp_path / "lock"), "plugins").code == 0


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"bertrun-lock": 2, "plugins": []}',
        '{"bertrun-lock": 1}',
        '{"bertrun-lock": 1, "plugins": [{"name": "a"}]}',
        '{"bertrun-lock": 1, "plugins": [{"name": 1, "distribution": "", "version": "", "sha256": ""}]}',
        "\0\xff",
    ],
)
def test_what_is_no_lock_is_refused(content, install, bertrun, tmp_path):
    path = tmp_path / "lock"
    path.write_bytes(content.encode("latin-1"))
    answer = bertrun("--locked", str(path), "plugins")
    assert (answer.code, "this is no lock of plugins" in answer.err) == (2, True)


def test_a_lock_that_is_not_there_is_refused(install, bertrun, tmp_path):
    answer = bertrun("plugins", "--locked", str(tmp_path / "none"))
    assert (answer.code, "cannot be read: No such file" in answer.err) == (2, True)
    assert bertrun("plugins", "lock", "--output", str(tmp_path / "none" / "lock")).code == 2


def test_no_lock_is_found_by_itself(locked_file, bertrun, monkeypatch):
    change(locked_file, "good", sha256="0" * 64)
    monkeypatch.chdir(locked_file.parent)
    assert Path("bertrun.lock").is_file()
    assert bertrun("plugins").code == 0
