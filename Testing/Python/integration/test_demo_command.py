"""`lumbarseg demo`: what README's first command shows."""

import csv

import numpy as np

from LumbarSegLib.cli import main


def test_demo_prints_measured_beside_true_areas(tmp_path, capsys):
    output = tmp_path / "demo"
    assert main(["demo", "--output", str(output), "--device", "cpu", "--quiet"]) == 0
    printed = capsys.readouterr().out
    assert "true mm2" in printed
    assert "measured" in printed
    rows = list(csv.DictReader((output / "comparison.csv").read_text().splitlines()))
    assert len(rows) == 9 * 10
    for row in rows:
        assert row["structure"] in printed
        assert float(row["true_mm2"]) > 0
    measured = [row for row in rows if row["measured_mm2"]]
    assert len(measured) == len(rows)
    for structure, limit in {"dural_sac": 0.25, "psoas_left": 0.10, "intervertebral_disc": 0.05}.items():
        errors = [float(r["measured_mm2"]) / float(r["true_mm2"]) - 1 for r in rows if r["structure"] == structure]
        # The network knows phantoms from one slice in nine; a wrong pixel size would exceed every limit.
        assert np.mean(np.abs(errors)) < limit, structure
    assert (output / "result" / "overview.png").is_file()
    assert list((output / "study").rglob("*.dcm"))
    assert main(["demo", "--output", str(output)]) == 2
    assert "--overwrite" in capsys.readouterr().err
