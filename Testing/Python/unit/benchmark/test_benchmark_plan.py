"""Which runs a table needs."""

from __future__ import annotations

import pytest

from LumbarSegLib.benchmark.plan import TABLES, Plan, quick_recipe
from LumbarSegLib.models import model_names
from LumbarSegLib.training.recipes import BEST, RECIPES


def test_table_1_has_every_network_but_the_one_of_table_3():
    models = [row.model_name for row in TABLES[1].rows]
    assert models == [name for name in model_names() if name != "msff_no_bottleneck"]
    assert [row.title for row in TABLES[1].rows if "inferred" in row.title] == ["LumNet (inferred)"]
    assert {row.model_name for row in TABLES[3].rows} == {"msff", "msff_no_bottleneck"}


def test_table_2_varies_the_exponent_alone():
    runs = Plan(TABLES[2], BEST, 2).runs
    assert [run.recipe.alpha for run in runs[:8]] == [0, 0.1, 0.2, 0.5, 1, 2, 3, 4]
    assert [run.seed for run in runs] == [0] * 8 + [1] * 8
    assert len({run.key for run in runs}) == 16


def test_tables_share_the_run_of_the_papers_choice():
    keys = [{run.key: run.recipe for run in Plan(table, BEST, 1).runs} for table in TABLES.values()]
    shared = set.intersection(*map(set, keys))
    assert shared == {"msff-seed-0"}
    assert all(table["msff-seed-0"] == BEST for table in keys)
    for table in TABLES.values():
        reference = table.rows[table.reference]
        assert (reference.model_name, reference.alpha or 1.0) == ("msff", 1.0)


@pytest.mark.parametrize("name", RECIPES)
def test_quick_sees_as_much_of_the_body_with_fewer_pixels(name):
    recipe = RECIPES[name]
    quick = quick_recipe(recipe)
    width_mm = [each.augmentation.crop_pixels * each.preprocessing.pixel_size_mm for each in (recipe, quick)]
    assert width_mm[1] == pytest.approx(width_mm[0])
    assert quick.augmentation.crop_pixels < recipe.augmentation.crop_pixels
    assert quick.epochs < recipe.epochs
