"""A result is there wholly or not at all, and nothing of the user's is deleted."""

import errno
import os
from pathlib import Path

import pytest

from LumbarSegLib.errors import InputError
from LumbarSegLib.report.output_folder import check_output_folder, output_folder


def _write_result(path, text="first", overwrite=False):
    with output_folder(path, overwrite=overwrite) as folder:
        (folder / "measurements.csv").write_text(text)
        (folder / "sub").mkdir()
        (folder / "sub" / "overview.png").write_text(text)


def _fail_half_way(path, error):
    with output_folder(path, overwrite=True) as folder:
        (folder / "half").write_text("done")
        raise error


def _tree(root):
    return {path.relative_to(root).as_posix(): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_appears_only_when_complete(tmp_path):
    target = tmp_path / "missing" / "parents" / "out"
    with output_folder(target, overwrite=False) as folder:
        (folder / "run.json").write_text("{}")
        assert folder.parent == target.parent
        assert not target.exists()
    assert (target / "run.json").read_text() == "{}"
    assert os.listdir(target.parent) == ["out"]  # noqa: PTH208


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_leaves_nothing_behind_on_failure(tmp_path, error):
    with pytest.raises(error):
        _fail_half_way(tmp_path / "new" / "out", error)
    assert list(tmp_path.iterdir()) == []


def test_existing_result_needs_overwrite_before_any_work(tmp_path):
    _write_result(tmp_path / "out")
    before = _tree(tmp_path)
    worked = False
    with pytest.raises(InputError, match="--overwrite"), output_folder(tmp_path / "out", overwrite=False):
        worked = True
    assert not worked
    assert _tree(tmp_path) == before


def test_overwrite_replaces_the_whole_result(tmp_path):
    _write_result(tmp_path / "out")
    with output_folder(tmp_path / "out", overwrite=True) as folder:
        (folder / "run.json").write_text("second")
        assert (tmp_path / "out" / "measurements.csv").read_text() == "first"
    assert {name for name in _tree(tmp_path) if not name.endswith(".lumbarseg")} == {"out/run.json"}
    _write_result(tmp_path / "out", "third", overwrite=True)
    assert _tree(tmp_path)["out/sub/overview.png"] == "third"


def test_failed_overwrite_keeps_the_old_result(tmp_path):
    _write_result(tmp_path / "out")
    before = _tree(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        _fail_half_way(tmp_path / "out", KeyboardInterrupt)
    assert _tree(tmp_path) == before


def test_result_that_appears_meanwhile_is_not_replaced(tmp_path):
    with pytest.raises(InputError, match="--overwrite"), output_folder(tmp_path / "out", overwrite=False):
        _write_result(tmp_path / "out", "of another process")
    assert _tree(tmp_path)["out/measurements.csv"] == "of another process"
    assert os.listdir(tmp_path) == ["out"]  # noqa: PTH208


@pytest.mark.parametrize("overwrite", [False, True])
def test_empty_folder_is_taken(tmp_path, overwrite):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".DS_Store").write_text("")
    _write_result(tmp_path / "out", overwrite=overwrite)
    assert _tree(tmp_path)["out/measurements.csv"] == "first"


def test_foreign_folder_is_never_deleted(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(InputError, match=r"did not write \(chapter\.txt\)"):
        _write_result(tmp_path / "thesis", overwrite=True)
    assert _tree(tmp_path) == {"thesis/chapter.txt": "years of work"}


def test_users_file_in_a_result_is_never_deleted(tmp_path):
    _write_result(tmp_path / "out")
    (tmp_path / "out" / "sub" / "my notes.txt").write_text("look at L4/5")
    with pytest.raises(InputError, match="my notes"):
        _write_result(tmp_path / "out", "second", overwrite=True)
    assert _tree(tmp_path)["out/sub/my notes.txt"] == "look at L4/5"


@pytest.mark.parametrize("manifest", ["", "measurements.csv\n", "\udcff"])
def test_only_our_manifest_counts(tmp_path, manifest):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "measurements.csv").write_text("mine")
    (tmp_path / "out" / ".lumbarseg").write_bytes(manifest.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match="did not write"):
        check_output_folder(tmp_path / "out", overwrite=True)


def test_refuses_a_file_and_a_mount_point(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match="is a file"):
        check_output_folder(tmp_path / "out", overwrite=True)
    with pytest.raises(InputError, match="mount point"):
        check_output_folder(tmp_path.resolve().__class__(tmp_path.anchor), overwrite=True)


def test_parent_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        _write_result(tmp_path / "file" / "out")


def test_name_that_is_too_long(tmp_path):
    with pytest.raises(InputError, match="cannot be"):
        _write_result(tmp_path / ("x" * 300))


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("target", [".", "..", "../.", ""])
def test_refuses_the_current_folder_and_those_above(tmp_path, monkeypatch, target, overwrite):
    """Replacing it would leave the user's shell in a folder that is gone."""
    (tmp_path / "out" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "out" / "deep")
    with pytest.raises(InputError, match="is or holds the current folder"):
        _write_result(Path(target), overwrite=overwrite)
    assert list((tmp_path / "out").iterdir()) == [tmp_path / "out" / "deep"]
    _write_result(Path("result"))
    assert _tree(tmp_path)["out/deep/result/measurements.csv"] == "first"


def test_refuses_links_in_a_circle(tmp_path):
    (tmp_path / "out").symlink_to(tmp_path / "out")
    with pytest.raises(InputError, match="cannot be"):
        _write_result(tmp_path / "out")
    with pytest.raises(InputError, match="cannot be"):
        _write_result(tmp_path / "out" / "below")


@pytest.mark.parametrize("blocked", ["out", "partial"])
def test_a_folder_with_an_open_file_is_left_as_it_was(tmp_path, monkeypatch, blocked):
    """Windows does not move a folder while a program has one of its files open."""
    rename = Path.rename

    def refuse(self, target):
        if self.name.endswith(blocked):
            raise PermissionError(errno.EACCES, "Access is denied", str(self))
        return rename(self, target)

    _write_result(tmp_path / "out")
    before = _tree(tmp_path)
    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(InputError, match=r"cannot be put at .*out \(Access is denied\)\. Close what has files"):
        _write_result(tmp_path / "out", "second", overwrite=True)
    assert _tree(tmp_path) == before
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]
