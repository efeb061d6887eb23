"""Single files appear together or not at all, and nothing of the user's is lost."""

import os
from pathlib import Path

import pytest

from LumbarSegLib.errors import InputError
from LumbarSegLib.report.output_files import output_files


def _write(paths, *, inputs=(), overwrite=False, text="new", error=None):
    with output_files(paths, inputs=inputs, overwrite=overwrite) as write_to:
        for path in paths:
            write_to[path].write_text(text)
        if error is not None:
            raise error


def _tree(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_files_appear_at_the_end_and_together(tmp_path):
    paths = [tmp_path / "labels.nii.gz", tmp_path / "slices.csv"]
    with output_files(paths, inputs=[], overwrite=False) as write_to:
        assert list(tmp_path.iterdir()) == []  # a run that is killed now leaves nothing
        for path in paths:
            assert write_to[path].parent == tmp_path
            assert write_to[path].name.endswith(path.name)
            write_to[path].write_text("new")
        assert not any(path.exists() for path in paths)
    assert _tree(tmp_path) == {"labels.nii.gz": "new", "slices.csv": "new"}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_what_was_there(tmp_path, error):
    (tmp_path / "a.csv").write_text("old")
    with pytest.raises(error):
        _write([tmp_path / "a.csv", tmp_path / "b.csv"], overwrite=True, error=error)
    assert _tree(tmp_path) == {"a.csv": "old"}


def test_overwrite_replaces_and_keeps_nothing(tmp_path):
    (tmp_path / "a.csv").write_text("old")
    _write([tmp_path / "a.csv", tmp_path / "b.csv"], overwrite=True)
    assert _tree(tmp_path) == {"a.csv": "new", "b.csv": "new"}


def test_if_one_cannot_be_renamed_none_is(tmp_path):
    (tmp_path / "a.csv").write_text("old")

    def write_all_but_the_last():
        paths = [tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "c.csv"]
        with output_files(paths, inputs=[], overwrite=True) as write_to:
            for path in paths[:2]:
                write_to[path].write_text("new")

    with pytest.raises(FileNotFoundError):
        write_all_but_the_last()
    assert _tree(tmp_path) == {"a.csv": "old"}


def test_a_file_that_appears_meanwhile_is_kept(tmp_path):
    path = tmp_path / "a.csv"

    def write_while_someone_else_does():
        with output_files([path], inputs=[], overwrite=False) as write_to:
            write_to[path].write_text("new")
            path.write_text("someone else's")

    with pytest.raises(InputError, match="exists"):
        write_while_someone_else_does()
    assert _tree(tmp_path) == {"a.csv": "someone else's"}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["exists.csv"], "--overwrite"),
        (["new.csv", "sub/../new.csv"], "same file"),
        (["input.nrrd"], "is read"),
        (["sub/../input.nrrd"], "is read"),
        (["sub"], "no ordinary file"),
        (["missing/new.csv"], "does not exist"),
        (["exists.csv/new.csv"], "does not exist"),
        (["x" * 300], "cannot be reached"),
    ],
)
def test_refused_before_any_work(tmp_path, names, message):
    (tmp_path / "sub").mkdir()
    for name in ("exists.csv", "input.nrrd"):
        (tmp_path / name).write_text("old")
    overwrite = message != "--overwrite"
    before = sorted(tmp_path.iterdir())
    worked = False
    with (
        pytest.raises(InputError, match=message),
        output_files([tmp_path / name for name in names], inputs=[tmp_path / "input.nrrd"], overwrite=overwrite),
    ):
        worked = True
    assert not worked
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "input.nrrd").read_text() == "old"


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="needs /dev/null")
def test_a_device_is_not_replaced():
    with pytest.raises(InputError, match="no ordinary file"):
        _write([Path("/dev/null")], overwrite=True)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user who may not write everywhere")
def test_a_folder_that_may_not_be_written_to(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="may not be written to"):
        _write([tmp_path / "a.csv"])
