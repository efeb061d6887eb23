"""The overview shows every slice at one scale, in reading order, with outlines where the labels are."""

from dataclasses import replace

import numpy as np
import pytest
from lumbar_ellipses import LUMBAR, axial_affine, draw, turn_about
from lumbar_study import make_block, make_study
from PIL import Image

from LumbarSegLib.anatomy import ANATOMIES, BY_KEY
from LumbarSegLib.measurement import measure_block
from LumbarSegLib.report.overview import write_overview
from LumbarSegLib.report.views import MARGIN_MM, block_views


def _overview(path, blocks, label_maps, **options):
    measurements = [
        measure_block(label_map, block.affine_ijk_to_ras, orientation_known=block.orientation_known)
        for block, label_map in zip(blocks, label_maps, strict=True)
    ]
    write_overview(path, blocks, label_maps, measurements, weights_name="msff-test", **options)
    with Image.open(path) as picture:
        picture.load()
        return picture


def _lumbar_block(affine, **options):
    label_map = draw(affine, LUMBAR.values(), **options)
    return make_block(label_map, affine), label_map


def _outline(view, labels, structure):
    """Where the picture of one structure alone is not gray."""
    picture = view.picture(0, np.where(labels == BY_KEY[structure].index, labels, 0))
    return np.ptp(np.asarray(picture).astype(int), axis=-1) > 40


def _middle(mask):
    rows, columns = np.nonzero(mask)
    return (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2


def test_png_of_a_study_with_an_empty_slice(tmp_path):
    study, label_maps, _ = make_study()
    picture = _overview(tmp_path / "overview.png", study.blocks, label_maps, title='Wirbelsäule "T2" 腰椎')
    assert picture.format == "PNG"
    assert picture.mode == "RGB"
    assert picture.width == 2 * (640 + 14) + 14  # two columns of pictures with gaps
    colors = np.asarray(picture).reshape(-1, 3)
    for anatomy in ANATOMIES:
        assert (colors == anatomy.color).all(axis=1).any(), anatomy.key  # the legend at the least


@pytest.mark.parametrize(
    ("slice_counts", "columns", "cell_width"),
    [((1,), 1, 640), ((4, 5, 4, 4), 5, 460), ((1, 1, 1, 1, 2), 3, 460), ((17,), 5, 460), ((40, 20), 8, 380)],
)
def test_width_follows_the_number_of_slices(tmp_path, slice_counts, columns, cell_width):
    affine = np.diag([-4.0, -4.0, 4.0, 1.0])
    label_maps = [np.full((count, 20, 24), 4, dtype=np.uint8) for count in slice_counts]
    blocks = [make_block(label_map, affine) for label_map in label_maps]
    assert _overview(tmp_path / "overview.png", blocks, label_maps).width == columns * (cell_width + 14) + 14


def test_a_row_is_added_for_a_block_that_does_not_fit(tmp_path):
    affine = np.diag([-4.0, -4.0, 4.0, 1.0])
    heights = {}
    for slice_counts in ((3, 3), (3, 2, 1), (3, 1, 3)):
        label_maps = [np.full((count, 20, 24), 4, dtype=np.uint8) for count in slice_counts]
        blocks = [make_block(label_map, affine) for label_map in label_maps]
        heights[slice_counts] = _overview(tmp_path / "overview.png", blocks, label_maps).height
    assert heights[3, 3] == heights[3, 2, 1]  # the single slice stands beside the block of two
    assert heights[3, 1, 3] > heights[3, 3]


@pytest.mark.parametrize(
    "affine",
    [
        axial_affine(),
        axial_affine(((1, 0, 0), (0, 1, 0), (0, 0, -1))),
        axial_affine(((0, 1, 0), (-1, 0, 0), (0, 0, 1)), spacing_kji_mm=(4.0, 0.8, 0.45)),
        axial_affine(turn=turn_about(0, 30)),
    ],
    ids=["reading order", "flipped", "transposed and anisotropic", "tilted"],
)
def test_slices_read_like_radiological_images(affine):
    """Each outline lies where the ellipse was drawn: patient right on the left, front up, square pixels."""
    block, label_map = _lumbar_block(affine, center_offset_mm=(6.0, 4.0))
    (view,) = block_views([block], [label_map], 500)
    sac_row, sac_column = _middle(_outline(view, label_map[0], "dural_sac"))
    for structure in ("psoas", "erector_spinae"):
        outline = _outline(view, label_map[0], structure)
        columns = np.arange(outline.shape[1])
        for name, half in (("right", columns < sac_column), ("left", columns > sac_column)):
            row, column = _middle(outline & half)
            measured_mm = np.array([row - sac_row, column - sac_column]) / view.pixels_per_mm
            center_x, center_y = LUMBAR[f"{structure}_{name}"].center
            assert measured_mm == pytest.approx([-center_y, -center_x], abs=1.0), (structure, name)  # slice pixels


def test_midline_is_mapped_into_the_picture():
    affine = axial_affine(((0, 1, 0), (1, 0, 0), (0, 0, 1)), spacing_kji_mm=(4.0, 0.8, 0.45))
    block, label_map = _lumbar_block(affine, spine_turn_deg=15, center_offset_mm=(6.0, 4.0))
    (view,) = block_views([block], [label_map], 500)
    (measurement,) = measure_block(label_map, affine)
    place = view.to_picture(np.array(measurement.midline.point_ras_mm))
    sac = _middle(_outline(view, label_map[0], "dural_sac"))
    assert place == pytest.approx(sac, abs=3)  # picture pixels; those of the slice are up to 2.4 of them


def test_blocks_share_one_scale_and_show_all_labels():
    near, near_labels = _lumbar_block(axial_affine())
    affine = axial_affine(spacing_kji_mm=(4.0, 0.9, 0.9))
    far_labels = np.zeros((2, 150, 150), dtype=np.uint8)
    far_labels[1, 10:20, 30:40] = 1
    views = block_views([near, make_block(far_labels, affine)], [near_labels, far_labels], 400)
    assert len({view.crop.shape for view in views}) == 1
    assert views[0].pixels_per_mm == pytest.approx(views[1].pixels_per_mm)
    size_mm = (np.ptp(np.nonzero(_outline(views[1], far_labels[1], "dural_sac")), axis=1) + 1) / views[1].pixels_per_mm
    assert size_mm == pytest.approx([9, 9], abs=0.5)  # a picture pixel is 0.4 mm
    # The crop follows the larger of the two, the lumbar slice.
    extent_mm = np.ptp(np.nonzero(near_labels[0]), axis=1) * 0.5 + 0.5 + 2 * MARGIN_MM
    assert views[0].crop.shape[0] / views[0].pixels_per_mm == pytest.approx(extent_mm[0], abs=0.5)


def test_a_stray_speck_does_not_widen_the_view():
    affine = axial_affine()
    block, label_map = _lumbar_block(affine, slices=2)
    (expected,) = block_views([block], [label_map], 400)
    # 19.5 mm2 in a corner, in both slices: pieces of one slice each.
    stray = label_map.copy()
    stray[:, :6, :13] = BY_KEY["psoas"].index
    (view,) = block_views([block], [stray], 400)
    assert view.crop == expected.crop
    stray[1, :6, :14] = BY_KEY["psoas"].index  # 21 mm2
    (view,) = block_views([block], [stray], 400)
    assert view.crop.height > expected.crop.height
    specks_alone = np.where(label_map > 0, 0, stray)
    specks_alone[1] = 0
    (view,) = block_views([block], [specks_alone], 400)
    assert view.to_picture(block.affine_ijk_to_ras[:3, 3])[0] > 0  # its corner is shown


@pytest.mark.parametrize(
    ("slice_counts", "picture_width", "line"),
    [((1,), 640, 24), ((2, 2), 640, 24), ((4, 4), 460, 21), ((8, 8), 380, 18)],
)
def test_captions_hold_all_areas_without_overlap(tmp_path, slice_counts, picture_width, line):
    affine = np.diag([-4.0, -4.0, 4.0, 1.0])
    label_maps = [np.full((count, 20, 24), 4, dtype=np.uint8) for count in slice_counts]
    blocks = [make_block(label_map, affine) for label_map in label_maps]
    measurements = [
        [
            replace(entry, measures=tuple(replace(measure, value=8888.0, reason="") for measure in entry.measures))
            for entry in measure_block(label_map, affine)
        ]
        for label_map in label_maps
    ]
    write_overview(tmp_path / "overview.png", blocks, label_maps, measurements, weights_name="msff-test")
    with Image.open(tmp_path / "overview.png") as picture:
        pixels = np.asarray(picture)
    # Below the pictures of the last row stand four lines, and two more for the footer.
    caption = pixels[-6 * line - 16 : -2 * line]
    background = pixels[-1, 0]
    for cell in range(slice_counts[-1]):
        for column in (1, 2, 3):
            end = 14 + cell * (picture_width + 14) + column * (picture_width // 3)
            assert (caption[:, end - 3 : end] == background).all(), (cell, column)
    for anatomy in ANATOMIES:
        assert (caption == anatomy.color).all(axis=-1).any(), anatomy.key


def test_outlines_are_thin():
    block, label_map = _lumbar_block(axial_affine())
    (view,) = block_views([block], [label_map], 460)
    with_lines = np.asarray(view.picture(0, label_map[0])).astype(int)
    without = np.asarray(view.picture(0, np.zeros_like(label_map[0]))).astype(int)
    changed = (np.abs(with_lines - without).max(axis=-1) > 100).mean()
    labeled = (label_map != 0).sum() * 0.25 * view.pixels_per_mm**2 / changed.size
    assert 0.01 < changed < 0.25 * labeled


def test_signal_spans_black_to_white():
    affine = axial_affine()
    _, label_map = _lumbar_block(affine)
    ramp = np.linspace(-300, 900, label_map.shape[2], dtype=np.float32)
    block = replace(make_block(label_map, affine), image=np.broadcast_to(ramp, label_map.shape))
    (view,) = block_views([block], [label_map], 300)
    gray = np.asarray(view.picture(0, np.zeros_like(label_map[0])))[50, :, 0].astype(int)
    assert gray[0] < 5
    assert gray[-1] > 250
    assert (np.diff(gray) >= 0).all()


def test_constant_image_is_drawn(tmp_path):
    affine = axial_affine()
    block, label_map = _lumbar_block(affine)
    _overview(tmp_path / "overview.png", [replace(block, image=np.full_like(block.image, 7))], [label_map])


def test_refuses_what_does_not_match(tmp_path):
    block, label_map = _lumbar_block(axial_affine())
    with pytest.raises(ValueError, match="same length"):
        write_overview(tmp_path / "overview.png", [block], [label_map], [], weights_name="")
