"""Draw the pictures of docs/measurements.md, from synthetic slices only.

python docs/pictures/draw_measurements.py docs/pictures
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Ellipse
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

import LumbarSegLib
from LumbarSegLib import geometry
from LumbarSegLib.anatomy import BY_KEY
from LumbarSegLib.measurement import SliceMeasurement, measure_block
from LumbarSegLib.measurement.area_intervals import POSSIBLE_PROBABILITY, SURE_PROBABILITY
from LumbarSegLib.measurement.fat import FatThreshold, find_fat_threshold
from LumbarSegLib.measurement.intervals import right_of_midline
from LumbarSegLib.phantom.canvas import Pose
from LumbarSegLib.phantom.slices import make_phantom_slice

#: A phantom with plain shapes, and one whose multifidus has much fat.
SEED, SEED_WITH_FAT = 8, 5
SPACING_MM = 0.4
SHAPE_JI = (400, 450)
TURN_DEG = 14.0

WHITE, DARK, RED, BLUE, CYAN = "white", "#20242c", "#d8443c", "#2f6fd0", "#35d6e8"
DOTS_PER_INCH = 115
NUM_COLORS = 220


@dataclass(frozen=True)
class Drawn:
    """A synthetic slice with what was measured of it."""

    image: NDArray[np.float32]
    label_map: NDArray[np.uint8]
    affine: NDArray[np.float64]
    measured: SliceMeasurement

    @property
    def anterior(self) -> NDArray[np.float64]:
        """Direction of the midline in the picture, (x, y)."""
        return self._direction(self.measured.midline.anterior_ras)

    @property
    def right(self) -> NDArray[np.float64]:
        """Direction to the patient's right in the picture, (x, y)."""
        return self._direction(self.measured.midline.right_ras)

    @property
    def point(self) -> NDArray[np.float64]:
        """Middle of the sac in the picture, (x, y) in pixels."""
        return (np.linalg.inv(self.affine) @ [*self.measured.midline.point_ras_mm, 1.0])[:2]

    def mask(self, key: str) -> NDArray[np.bool_]:
        """Return the outline of an anatomy."""
        return self.label_map == BY_KEY[key].index

    def is_right(self) -> NDArray[np.bool_]:
        """Return which pixels lie to the patient's right."""
        return right_of_midline(self.measured.midline, self.affine, self.label_map.shape, 0)

    def _direction(self, ras: tuple[float, float, float]) -> NDArray[np.float64]:
        along = (np.linalg.inv(self.affine)[:3, :3] @ ras)[:2]
        return along / np.linalg.norm(along)


def draw_slice(seed: int, turn_deg: float = 0.0) -> Drawn:
    """Draw and measure a slice in reading order."""
    phantom = make_phantom_slice(
        np.random.default_rng(seed), SHAPE_JI, SPACING_MM, pose=Pose(rotation_deg=turn_deg, shift_mm=(0.0, -12.0))
    )
    affine = geometry.radiological_affine((4.0, SPACING_MM, SPACING_MM))
    (measured,) = measure_block(phantom.label_map[None], affine, image=phantom.image[None])
    return Drawn(phantom.image, phantom.label_map, affine, measured)


def show(axes: Axes, image: NDArray[np.floating], center: NDArray[np.float64], size_mm: tuple[float, float]) -> None:
    """Show `size_mm` (width, height) of a slice around `center`."""
    axes.imshow(image, cmap="gray", vmin=0, vmax=np.percentile(image, 99.5), interpolation="bilinear")
    half = np.array(size_mm) / SPACING_MM / 2
    axes.set_xlim(center[0] - half[0], center[0] + half[0])
    axes.set_ylim(center[1] + half[1], center[1] - half[1])
    axes.set_axis_off()


def outline(axes: Axes, mask: NDArray[np.bool_], color: object, style: str = "-", width: float = 1.6) -> None:
    """Draw the edge of a mask."""
    axes.contour(
        ndimage.gaussian_filter(mask.astype(float), 0.7), [0.5], colors=[color], linestyles=style, linewidths=width
    )


def color_of(key: str) -> tuple[float, ...]:
    """Return the color of an anatomy, 0-1."""
    return tuple(value / 255 for value in BY_KEY[key].color)


def label(axes: Axes, place: NDArray[np.float64], words: str, *, color: str = WHITE, align: str = "center") -> None:
    """Write on the image."""
    axes.text(
        *place,
        words,
        color=color,
        fontsize=9,
        ha=align,
        va="center",
        bbox={"facecolor": DARK, "alpha": 0.75, "lw": 0, "pad": 2},
    )


def caliper(axes: Axes, drawn: Drawn, along: NDArray[np.float64], aside_mm: float, words: str, gap_px: float) -> None:
    """Draw the extent of the sac along a direction, with the two lines that hold it, beside the sac."""
    rows, columns = np.nonzero(drawn.mask("dural_sac"))
    points = np.stack([columns, rows], axis=1) - drawn.point
    across = np.array([-along[1], along[0]])
    half_pixel = np.abs(along).sum() / 2
    low, high = (points @ along).min() - half_pixel, (points @ along).max() + half_pixel
    aside = across * aside_mm / SPACING_MM
    ends = [drawn.point + reach * along + aside for reach in (low, high)]
    axes.annotate(
        "", ends[0], ends[1], arrowprops={"arrowstyle": "<->", "color": WHITE, "lw": 1.4, "shrinkA": 0, "shrinkB": 0}
    )
    for end in ends:
        line = np.stack([end + aside / np.linalg.norm(aside) * 3, end - aside * 1.3])
        axes.plot(*line.T, color=WHITE, lw=0.8, ls=":")
    label(axes, np.mean(ends, axis=0) + aside / np.linalg.norm(aside) * gap_px, words)


def sac_picture() -> Figure:
    """Draw the diameters of the sac along and across the midline, and the thickness of the ligament."""
    drawn = draw_slice(SEED, TURN_DEG)
    figure, axes = plt.subplots(figsize=(6.2, 5.2))
    show(axes, drawn.image, drawn.point + np.array([0, 8]), (67, 46))
    for key in ("dural_sac", "ligamentum_flavum"):
        outline(axes, drawn.mask(key), color_of(key))
    reach = 24 / SPACING_MM
    axes.plot(
        *np.stack([drawn.point - reach * drawn.anterior, drawn.point + 0.75 * reach * drawn.anterior]).T,
        color=WHITE,
        ls="--",
        lw=1.2,
    )
    label(axes, drawn.point - 0.93 * reach * drawn.anterior, "midline")
    ap_mm, transverse_mm = (drawn.measured[f"dural_sac_{way}_diameter"].value for way in ("ap", "transverse"))
    caliper(axes, drawn, drawn.anterior, 17.0, f"antero-posterior\n{ap_mm:.1f} mm", 23)
    caliper(axes, drawn, drawn.right, 10.0, f"transverse {transverse_mm:.1f} mm", 8)
    is_right = drawn.is_right()
    for side, part, outward in (("left", ~is_right, -1), ("right", is_right, 1)):
        thickness = drawn.measured[f"ligamentum_flavum_{side}_thickness"].value
        distances = ndimage.distance_transform_edt(drawn.mask("ligamentum_flavum") & part)
        row, column = np.unravel_index(distances.argmax(), distances.shape)
        axes.add_patch(Circle((column, row), thickness / SPACING_MM / 2, fill=False, color=WHITE, lw=1.3))
        place = np.array([column, row]) + outward * drawn.right * 13 / SPACING_MM - drawn.anterior * 5 / SPACING_MM
        axes.plot(*np.stack([place, [column, row]]).T, color=WHITE, lw=0.8)
        label(axes, place, f"{side} ligament\n{thickness:.1f} mm thick")
    return figure


def sides_picture() -> Figure:
    """Draw the midline of a turned slice and the sides that it parts."""
    drawn = draw_slice(SEED, TURN_DEG)
    figure, axes = plt.subplots(figsize=(7.2, 5.6))
    show(axes, drawn.image, np.array([(SHAPE_JI[1] - 1) / 2, 200.0]), (176, 136))
    is_right = drawn.is_right()
    for key in ("psoas", "multifidus", "erector_spinae"):
        for part, color in ((~is_right, BLUE), (is_right, RED)):
            mask = drawn.mask(key) & part
            axes.imshow(np.where(mask, 1.0, np.nan), cmap=ListedColormap([color]), alpha=0.45, interpolation="nearest")
    for key in ("intervertebral_disc", "dural_sac", "lamina"):
        outline(axes, drawn.mask(key), color_of(key), width=1.2)
    centroids = {
        key: np.array(ndimage.center_of_mass(drawn.mask(key)))[::-1]
        for key in ("intervertebral_disc", "dural_sac", "lamina")
    }
    axes.plot(*np.stack(list(centroids.values())).T, "o-", color=WHITE, ms=4, lw=0.8)
    for key in ("psoas", "erector_spinae"):
        ends = np.stack(
            [np.array(ndimage.center_of_mass(drawn.mask(key) & part))[::-1] for part in (is_right, ~is_right)]
        )
        axes.plot(*ends.T, "o-", color=WHITE, ms=4, lw=0.8)
    reach = 68 / SPACING_MM
    axes.plot(
        *np.stack([drawn.point - 0.93 * reach * drawn.anterior, drawn.point + reach * 0.78 * drawn.anterior]).T,
        color=WHITE,
        ls="--",
        lw=1.6,
    )
    label(axes, drawn.point + reach * 0.84 * drawn.anterior, "midline")
    for sign, side in ((1, "right"), (-1, "left")):
        areas = [
            f"{key.replace('_', ' ')} {drawn.measured[f'{key}_{side}_area'].value:.0f} mm²"
            for key in ("psoas", "multifidus", "erector_spinae")
        ]
        place = np.array([(SHAPE_JI[1] - 1) / 2 - sign * 62 / SPACING_MM, 200 + 56 / SPACING_MM])
        label(axes, place, f"patient's {side}\n" + "\n".join(areas))
    return figure


def tilt_picture() -> Figure:
    """Draw a side view: a sac, a block that cuts it at an angle, and levels."""
    tilt_deg = 22.0
    figure, (axes, levels) = plt.subplots(1, 2, figsize=(9.2, 4.4), width_ratios=(1, 1.05))
    tangent = np.tan(np.radians(tilt_deg))
    width, height = 12.0, 46.0
    axes.fill_betweenx([-4, height], -width / 2, width / 2, color=color_of("dural_sac"), alpha=0.55, lw=0)
    positions = (11.0, 17.5, 24.0, 30.5)
    for position in positions:
        x = np.array([-20.0, 20.0])
        axes.plot(x, position + tangent * x, color=BLUE, lw=1.6)
        axes.plot(0, position, "o", color=DARK, ms=5)
    axes.plot([0, 0], [-4, height], color=DARK, ls="--", lw=1.2)
    middle = positions[2]
    normal = np.array([-np.sin(np.radians(tilt_deg)), np.cos(np.radians(tilt_deg))])
    axes.annotate("", normal * 17 + [0, middle], (0, middle), arrowprops={"arrowstyle": "->", "color": BLUE, "lw": 1.4})
    angles = np.radians(np.linspace(90, 90 + tilt_deg, 20))
    axes.plot(13 * np.cos(angles), middle + 13 * np.sin(angles), color=DARK, lw=1)
    axes.text(-2.6, middle + 14.6, "t", fontsize=11, ha="center", style="italic")
    axes.text(-8.0, middle + 18.5, "slice normal", color=BLUE, fontsize=9, ha="right", va="center")
    axes.text(8, height - 1.0, "axis: line through the\ncentroids of the sac", fontsize=9, va="top")
    axes.annotate(
        "area as outlined: A",
        (5.6, positions[0] + tangent * 5.6),
        (9, 4.0),
        fontsize=9,
        arrowprops={"arrowstyle": "-", "lw": 0.8},
    )
    axes.annotate(
        "cross-section: A · cos t", (3.0, 0.0), (9, -1.5), fontsize=9, arrowprops={"arrowstyle": "-", "lw": 0.8}
    )
    axes.plot([-width / 2, width / 2], [0, 0], color=RED, lw=2)
    axes.plot(np.array([-width, width]) / 2, positions[0] + tangent * np.array([-width, width]) / 2, color=DARK, lw=2.4)
    axes.text(-21, -6, "front", fontsize=9, color="gray")
    axes.text(33, -6, "back", fontsize=9, color="gray", ha="right")
    axes.set(xlim=(-22, 34), ylim=(-8, height + 2), aspect="equal")
    axes.set_axis_off()
    draw_levels(levels)
    return figure


def draw_levels(axes: Axes) -> None:
    """Draw three discs with the slices through them, one of them missing its block."""
    heights = (6.0, 42.0, 78.0)
    for number, height in enumerate(heights, start=1):
        axes.add_patch(Ellipse((0, height), 38, 10, color=color_of("intervertebral_disc"), alpha=0.6, lw=0))
        nearest = height
        for offset in (-8.8, -4.4, 0.0, 4.4, 8.8):
            in_disc = abs(offset) < 5
            color = RED if offset == 0 else BLUE if in_disc else "lightgray"
            axes.plot([-24, 40], [nearest + offset] * 2, color=color, lw=2.2 if offset == 0 else 1.2)
        axes.text(44, height, f"level {number}", fontsize=9, va="center", weight="bold")
    axes.fill_betweenx([-6, 92], 26, 36, color=color_of("dural_sac"), alpha=0.55, lw=0)
    axes.annotate(
        "", (-27, heights[0]), (-27, heights[1]), arrowprops={"arrowstyle": "<->", "lw": 1, "shrinkA": 0, "shrinkB": 0}
    )
    axes.text(-29, 24, "36 mm", fontsize=9, ha="right", va="center")
    for y, color, words in (
        (-13.5, RED, "slice nearest the disc's center: its figures are the level's"),
        (-19.5, BLUE, "other slices of the level (first_slice to last_slice)"),
        (-25.5, "lightgray", "slices of the block outside any level"),
    ):
        axes.plot([-40, -33], [y, y], color=color, lw=2)
        axes.text(-30, y, words, fontsize=8.5, va="center")
    axes.text(-24, 90, "front", fontsize=9, color="gray")
    axes.text(31, 94, "sac", fontsize=9, ha="center")
    axes.set(xlim=(-42, 66), ylim=(-29, 98), aspect="equal")
    axes.set_axis_off()


def fat_picture() -> Figure:
    """Draw a muscle that is split into lean and fat, and where each of the methods splits it."""
    drawn = draw_slice(SEED_WITH_FAT)
    mask = drawn.mask("multifidus")
    signal = drawn.image[mask].astype(np.float64)
    found = {method: find_fat_threshold(signal, method) for method in ("gmm3", "gmm2", "otsu")}
    thresholds = {method: each.signal for method, each in found.items() if isinstance(each, FatThreshold)}
    figure, (picture, plot) = plt.subplots(1, 2, figsize=(9.2, 3.9), width_ratios=(1, 1.25))
    rows, columns = np.nonzero(mask)
    show(picture, drawn.image, np.array([columns.mean(), rows.mean()]), (80, 62))
    outline(picture, mask, color_of("multifidus"))
    split = thresholds["gmm3"]
    fat = mask & (drawn.image > split)
    picture.imshow(np.where(fat, 1.0, np.nan), cmap=ListedColormap([RED]), alpha=0.55, interpolation="nearest")
    picture.set_title(f"multifidus, both sides; red: fat by gmm3, {fat.sum() / mask.sum():.2f}", fontsize=9)
    bins = np.linspace(signal.min(), signal.max(), 60)
    parts = [signal[signal <= split], signal[signal > split]]
    plot.hist(parts, bins, stacked=True, color=[color_of("multifidus"), RED])
    for method, threshold in thresholds.items():
        style = {"gmm3": "-", "gmm2": "--", "otsu": ":"}[method]
        words = f"{method}: fat fraction {np.mean(signal > threshold):.2f}"
        plot.axvline(threshold, color=DARK, lw=1.4, ls=style, label=words)
    plot.legend(loc="upper right", fontsize=9, frameon=False)
    plot.set(xlabel="signal", ylabel="pixels", yticks=[], xticks=[])
    plot.spines[["top", "right"]].set_visible(False)
    return figure


def interval_picture() -> Figure:
    """Draw outlines of the installed network at the probabilities that bound an area."""
    drawn = draw_slice(SEED, TURN_DEG)
    (outlined,) = LumbarSegLib.segment(drawn.image[None], affine_ijk_to_ras=drawn.affine).blocks
    figure, panels = plt.subplots(1, 2, figsize=(9.2, 4.4))
    for axes, key, size_mm in ((panels[0], "dural_sac", (34, 30)), (panels[1], "multifidus", (74, 65))):
        probability = outlined.probabilities[0, BY_KEY[key].index]
        mask = outlined.label_map[0] == BY_KEY[key].index
        center = np.array(ndimage.center_of_mass(mask))[::-1]
        show(axes, drawn.image, center, size_mm)
        areas = []
        for limit, style in ((SURE_PROBABILITY, "--"), (POSSIBLE_PROBABILITY, ":")):
            axes.contour(probability, [limit], colors=[CYAN], linestyles=style, linewidths=1.3)
            areas.append(np.count_nonzero(probability >= limit) * SPACING_MM**2)
        outline(axes, mask, color_of(key))
        axes.set_title(
            f"{BY_KEY[key].name}: outlined {mask.sum() * SPACING_MM**2:.0f} mm²\n"
            f"at 0.95 (dashed) {areas[0]:.0f} mm², at 0.05 (dotted) {areas[1]:.0f} mm²",
            fontsize=9,
        )
    return figure


PICTURES = {
    "measure_sac.png": sac_picture,
    "measure_sides.png": sides_picture,
    "measure_tilt_and_levels.png": tilt_picture,
    "measure_fat.png": fat_picture,
    "measure_interval.png": interval_picture,
}


def main(folder: Path, names: list[str]) -> None:
    """Draw all pictures, or those that are named, with few colors to keep the files small."""
    mpl.use("Agg")
    for name in names or PICTURES:
        figure = PICTURES[name]()
        path = folder / name
        figure.savefig(path, dpi=DOTS_PER_INCH, bbox_inches="tight", pad_inches=0.05)
        plt.close(figure)
        picture = Image.open(path).convert("RGB").quantize(NUM_COLORS, dither=Image.Dither.NONE)
        picture.save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
