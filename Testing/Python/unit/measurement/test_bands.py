"""Bands say where an area lies, never what it means."""

import inspect

import pytest
from lumbar_ellipses import LUMBAR, axial_affine, draw

from LumbarSegLib.commands.parsers import shared
from LumbarSegLib.measurement import (
    BAND_TABLES,
    AreaCalibration,
    AreaTerms,
    PixelBounds,
    measure_block,
    with_band,
    with_intervals,
)

AFFINE = axial_affine()


@pytest.mark.parametrize(
    ("table", "area", "band"),
    [
        ("schonstrom", 74.9, "below 75 mm2"),
        ("schonstrom", 75.0, "75 to below 100 mm2"),
        ("schonstrom", 129.99, "100 to below 130 mm2"),
        ("schonstrom", 130.0, "130 mm2 or more"),
        ("steurer", 69.9, "below 70 mm2"),
        ("steurer", 70.0, "70 mm2 or more"),
        ("lim", 110.9, "below 111 mm2"),
        ("lim", 111.0, "111 mm2 or more"),
    ],
)
def test_an_area_that_equals_a_limit_is_above_it(table, area, band):
    assert BAND_TABLES[table].band(area) == band


def test_an_interval_crosses_a_limit_or_not():
    table = BAND_TABLES["schonstrom"]
    assert not table.is_crossed((75.0, 99.9))
    assert table.is_crossed((74.9, 75.0))
    assert table.is_crossed((60.0, 140.0))
    assert not table.is_crossed((130.0, 400.0))


def test_no_band_is_a_diagnosis():
    for table in BAND_TABLES.values():
        words = " ".join([*(table.band(area) for area in range(0, 200, 5)), table.source]).lower()
        for word in ("stenosis", "normal", "severe", "mild", "pathol", "diagnos"):
            assert word not in words, table.key


def test_every_table_can_be_chosen_and_names_its_source():
    choices = inspect.getsource(shared.add_bands)
    for key, table in BAND_TABLES.items():
        assert f'"{key}"' in choices
        assert table.key == key
        assert len(table.source) > 20
    assert "second-hand" in BAND_TABLES["schonstrom"].source
    assert "L4/5" in BAND_TABLES["lim"].source


def _measured(log_terms):
    label_map = draw(AFFINE, LUMBAR.values())  # a sac of 169.6 mm2
    bounds = PixelBounds(label_map, (1 << (label_map.astype(int) - 1).clip(0)).astype("uint8") * (label_map > 0))
    calibration = None if log_terms is None else AreaCalibration(0.9, {"dural_sac": AreaTerms(*log_terms, 134)})
    return with_intervals(measure_block(label_map, AFFINE), bounds, AFFINE, calibration)


def test_a_slice_whose_interval_crosses_a_limit_is_flagged():
    wide, narrow = (with_band(_measured(terms), BAND_TABLES["schonstrom"])[0] for terms in ((0.6, 0.1), (0.1, 0.1)))
    assert wide.sac_band.band == narrow.sac_band.band == "130 mm2 or more"
    assert (wide.sac_band.is_crossed, narrow.sac_band.is_crossed) == (True, False)
    assert narrow.flags == ()
    (flag,) = wide.flags
    assert flag.key == "interval_crosses_band"
    assert flag.sentence.endswith("94 to 189 mm2, crosses 100 and 130 mm2")


def test_without_interval_or_sac_nobody_knows():
    (measured,) = with_band(_measured(None), BAND_TABLES["steurer"])
    assert measured.sac_band.band == "70 mm2 or more"
    assert measured.sac_band.is_crossed is None
    (without,) = with_band(measure_block(draw(AFFINE, [LUMBAR["psoas_left"]]), AFFINE), BAND_TABLES["steurer"])
    assert without.sac_band.band is None
    assert without.sac_band.source == BAND_TABLES["steurer"].source
