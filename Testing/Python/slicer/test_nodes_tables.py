"""Table nodes: column types, units, missing values, the way through a file."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import slicer
from lumbar_study import PROVENANCE, make_study

from LumbarSegLib.report.tables import level_rows, table_rows
from LumbarSegNodes.tables import describeColumn, updateTable

pytestmark = pytest.mark.usefixtures("no_vtk_messages")

ROWS = [
    {
        "volume": 'T2 "ax"',
        "slice": 1,
        "level": 1,
        "psoas_left_area_mm2": 812.5,
        "tilt_from_axial_deg": 3,
        "notes": "",
    },
    {
        "volume": "a\tb\nc",
        "slice": 2,
        "level": None,
        "psoas_left_area_mm2": None,
        "tilt_from_axial_deg": 3.5,
        "notes": "",
    },
]


@pytest.fixture
def table(mrml_scene):
    return mrml_scene.AddNewNodeByClass("vtkMRMLTableNode")


def types_of(table) -> dict[str, str]:
    names = [table.GetColumnName(index) for index in range(table.GetNumberOfColumns())]
    return {name: slicer.vtkMRMLTableNode.GetValueTypeAsString(table.GetColumnType(name)) for name in names}


def cells_of(table, column: str) -> list:
    array = table.GetTable().GetColumnByName(column)
    return [array.GetValue(row) for row in range(table.GetNumberOfRows())]


def test_columns_are_typed(table) -> None:
    updateTable(table, ROWS, "T2 slices")
    assert types_of(table) == {
        "volume": "string",
        "slice": "int",
        "level": "string",
        "psoas_left_area_mm2": "double",
        "tilt_from_axial_deg": "double",
        "notes": "string",
    }
    assert table.GetName() == "T2 slices"
    assert table.GetLocked()


def test_missing_values_are_no_zeros(table) -> None:
    updateTable(table, ROWS, "T2")
    area, none = cells_of(table, "psoas_left_area_mm2")
    assert area == 812.5
    assert math.isnan(none)
    assert cells_of(table, "level") == ["1", ""]
    assert cells_of(table, "slice") == [1, 2]


def test_texts_that_table_files_would_cut_are_kept_readable(table) -> None:
    updateTable(table, ROWS, "T2")
    assert cells_of(table, "volume") == ["T2 'ax'", "a b c"]


def test_units_and_descriptions(table) -> None:
    updateTable(table, ROWS, "T2")
    units = {name: table.GetColumnUnitLabel(name) for name in types_of(table)}
    assert {name: unit for name, unit in units.items() if unit} == {
        "psoas_left_area_mm2": "mm2",
        "tilt_from_axial_deg": "deg",
    }
    description = table.GetColumnDescription("psoas_left_area_mm2")
    assert description == "Psoas major, patient's left: area in the plane of the slice"


@pytest.mark.parametrize(
    ("name", "unit", "description"),
    [
        ("psoas_asymmetry_percent", "%", "Psoas major: 100 times the difference of the sides over the larger"),
        ("psoas_left_fat_fraction", "1", "Psoas major, patient's left: share of fat, 0-1 (unreliable)"),
        ("multifidus_total_fat_fraction", "1", "Multifidus, both sides: share of fat, 0-1"),
        ("multifidus_relative_area_ratio", "1", "Multifidus: area over the area of the disc in the slice"),
        ("dural_sac_tilt_deg", "deg", "Angle between the slice and the cross-section of the dural sac"),
    ],
)
def test_measures_without_a_metric_unit_are_numbers(table, name: str, unit: str, description: str) -> None:
    updateTable(table, [{name: 0.25}, {name: None}], "T2")
    assert types_of(table) == {name: "double"}
    assert (table.GetColumnUnitLabel(name), table.GetColumnDescription(name)) == (unit, description)


def test_every_column_of_the_reports_is_described() -> None:
    study, _, measurements = make_study()
    rows = [
        *table_rows(study.blocks, measurements, PROVENANCE),
        *level_rows(study.blocks, measurements, PROVENANCE),
    ]
    assert {name for row in rows for name in row if not describeColumn(name)} == set()
    assert describeColumn("something_else") == ""


@pytest.mark.parametrize("suffix", ["tsv", "csv"])
def test_a_file_keeps_types_units_and_texts(table, tmp_path: Path, suffix: str) -> None:
    updateTable(table, ROWS, "T2")
    storage = slicer.vtkMRMLTableStorageNode()
    storage.SetFileName(str(tmp_path / f"table.{suffix}"))
    storage.SetSchemaFileName(str(tmp_path / f"table.schema.{suffix}"))
    assert storage.WriteData(table)
    read = table.GetScene().AddNewNodeByClass("vtkMRMLTableNode")
    assert storage.ReadData(read)
    assert types_of(read) == types_of(table)
    for name in types_of(table):
        assert [str(cell) for cell in cells_of(read, name)] == [str(cell) for cell in cells_of(table, name)]
    assert read.GetColumnUnitLabel("psoas_left_area_mm2") == "mm2"
    assert read.GetColumnDescription("slice") == "Slice of the volume, from 1"


def test_a_second_update_leaves_nothing_of_the_first(table) -> None:
    updateTable(table, ROWS, "T2")
    updateTable(table, [{"psoas_left_area_mm2": 1.0, "slice": 1}], "T2")
    assert list(types_of(table)) == ["psoas_left_area_mm2", "slice"]
    assert table.GetNumberOfRows() == 1
    assert table.GetColumnDescription("tilt_from_axial_deg") == ""
    updateTable(table, [], "T2")
    assert table.GetNumberOfColumns() == 0
