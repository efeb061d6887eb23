"""`lumbarseg selftest`: lines, page and exit codes."""

import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest

from LumbarSegLib.cli import main
from LumbarSegLib.commands import selftest
from LumbarSegLib.inference import checkpoint
from LumbarSegLib.phantom.known_areas import known_geometries
from LumbarSegLib.selftest import geometries
from LumbarSegLib.selftest.environment import check_weights


class _Page(HTMLParser):
    """Counts tags and keeps what refers to anything else."""

    def __init__(self):
        super().__init__()
        self.counts, self.open, self.references = {}, [], []

    def handle_starttag(self, tag, attrs):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        self.references += [value for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_all_is_well(tmp_path, capsys):
    page = tmp_path / "selftest.html"
    assert main(["selftest", "--output", str(page)]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = printed.out.splitlines()
    assert "0 failed, 0 wrong sides" in lines[-2]
    names = [each.name for each in known_geometries()]
    for name in (*names, ".nrrd files: one slice", "DICOM, three oblique blocks: columns reversed"):
        (line,) = [each for each in lines if each.startswith(f"{name}  ")]
        assert re.search(r"\d+ +\d+ % +0$", line)
    text = page.read_text(encoding="utf-8")
    parsed = _Page()
    parsed.feed(text)
    assert parsed.open == []
    assert parsed.counts["img"] == len(names)
    assert all(reference.startswith("data:image/png;base64,") for reference in parsed.references)
    num_checks = int(re.search(r"(\d+) checks", lines[-2]).group(1))
    assert parsed.counts["tr"] > num_checks > 2500
    assert "script" not in parsed.counts
    assert "url(" not in text
    assert text.count(">failed<") == 0
    assert re.search(r"checksum verified, SHA-256 [0-9a-f]{64}", text)
    assert "Research use only" in text
    assert main(["selftest", "--output", str(page)]) == 2
    assert "--overwrite" in capsys.readouterr().err


@pytest.fixture
def short_suite(monkeypatch):
    """Two geometries, no files: enough to see what a failure does."""
    monkeypatch.setattr(geometries, "known_geometries", lambda: known_geometries()[:2])
    for name in ("run_file_round_trips", "run_dicom_round_trips"):
        monkeypatch.setattr(selftest, name, lambda folder: ())


def test_a_failure_is_exit_code_1_and_the_page_is_kept(short_suite, monkeypatch, tmp_path, capsys):
    measure_block = geometries.measure_block
    monkeypatch.setattr(
        geometries,
        "measure_block",
        lambda label_map, *arguments, **options: measure_block(np.flip(label_map, 2), *arguments, **options),
    )
    page = tmp_path / "selftest.html"
    assert main(["selftest", "--quiet", "--output", str(page)]) == 1
    printed = capsys.readouterr()
    (line,) = printed.err.strip().splitlines()
    assert "checks of the self-test failed" in line
    assert "Do not measure" in line
    assert "psoas_left_area wrong side" in printed.out
    text = page.read_text(encoding="utf-8")
    assert "FAILED" in text
    assert "failed, wrong side<" in text


def test_quiet_says_nothing_when_all_is_well(short_suite, capsys):
    assert main(["selftest", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_weights_that_have_changed_are_a_failure(short_suite, monkeypatch, tmp_path, capsys):
    for suffix in (".safetensors", ".json"):
        shutil.copy(checkpoint.DEFAULT_WEIGHTS.with_suffix(suffix), tmp_path)
    weights = tmp_path / checkpoint.DEFAULT_WEIGHTS.name
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    monkeypatch.setattr(checkpoint, "DEFAULT_WEIGHTS", weights)
    assert "does not have the checksum" in check_weights().problem
    assert main(["selftest"]) == 1
    assert "does not have the checksum" in capsys.readouterr().out
