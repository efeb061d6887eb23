"""Which runs a table needs, and the quick version of a recipe.

The tables are those of Zhang et al. 2023, doi 10.1145/3587716.3587777: networks
(1), exponents of the size-adaptive loss (2), with and without the bottleneck (3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from LumbarSegLib.training.recipes import Recipe

#: Epochs and seeds of `--quick`: with `quick_recipe`, table 1 is meant to end
#: within an hour on two CPU cores (estimated from single epochs, not yet run whole).
QUICK_EPOCHS = 8
QUICK_SEEDS = 1

#: Seeds where the user does not say: the paper's whole table 2 spans less than
#: what two seeds of one network differ by.
DEFAULT_SEEDS = 3

#: How much coarser the working grid of `--quick` is, and the limits of a recipe.
_QUICK_FACTOR = 2
_COARSEST_MM = 10.0
_SMALLEST_CROP = 32


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Parameters
    ----------
    title : str
        What the table calls it.
    model_name : str
        One of `LumbarSegLib.models.model_names`.
    alpha : float, optional
        Exponent of the size-adaptive loss; None takes the recipe's.
    published : float, optional
        Mean Dice in the paper; None where it is not public. Only the best
        figure stands in the abstract.
    """

    title: str
    model_name: str
    alpha: float | None = None
    published: float | None = None


@dataclass(frozen=True)
class Table:
    """A table of the paper.

    Parameters
    ----------
    number : int
        As in the paper.
    title : str
        What it compares.
    rows : tuple of Row
        In the paper's order.
    reference : int
        Which row is the paper's own choice; the others are compared with it.
    """

    number: int
    title: str
    rows: tuple[Row, ...]
    reference: int


_ALPHAS = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 4.0)

TABLES: dict[int, Table] = {
    table.number: table
    for table in (
        Table(
            1,
            "Networks",
            (
                Row("FCN", "fcn"),
                Row("U-Net", "unet"),
                Row("SegNet", "segnet"),
                Row("Attention U-Net", "attention_unet"),
                Row("CE-Net", "ce_net"),
                Row("LumNet (inferred)", "lumnet"),
                Row("MSFF", "msff", published=0.8911),
            ),
            reference=6,
        ),
        Table(
            2,
            "Exponent of the size-adaptive loss",
            tuple(Row(f"MSFF, alpha {alpha:g}", "msff", alpha) for alpha in _ALPHAS),
            reference=_ALPHAS.index(1.0),
        ),
        Table(
            3,
            "Bottleneck",
            (Row("MSFF without bottleneck", "msff_no_bottleneck"), Row("MSFF", "msff")),
            reference=1,
        ),
    )
}


@dataclass(frozen=True)
class Run:
    """One cell of a table: a network trained from one seed.

    Parameters
    ----------
    key : str
        Name of the run's folder; the same in every table that needs the run.
    row : Row
        Where it belongs.
    recipe : Recipe
        With the row's exponent.
    seed : int
        Decides initial weights, order and augmentation.
    """

    key: str
    row: Row
    recipe: Recipe
    seed: int


@dataclass(frozen=True)
class Plan:
    """A table and how its runs are trained.

    Parameters
    ----------
    table : Table
        What is compared.
    recipe : Recipe
        The same for all rows, but for the exponent of table 2.
    num_seeds : int
        Runs of each row, from seed 0 on.
    """

    table: Table
    recipe: Recipe
    num_seeds: int

    @property
    def runs(self) -> tuple[Run, ...]:
        """All runs; every row has its first before any has its second, so that a partial table compares."""
        return tuple(run for seed in range(self.num_seeds) for run in (self._run(row, seed) for row in self.table.rows))

    def runs_of(self, row: Row) -> tuple[Run, ...]:
        """Return the runs of one row by seed."""
        return tuple(self._run(row, seed) for seed in range(self.num_seeds))

    def _run(self, row: Row, seed: int) -> Run:
        recipe = self.recipe if row.alpha is None else replace(self.recipe, alpha=row.alpha)
        other_alpha = "" if recipe == self.recipe else f"-alpha-{recipe.alpha:g}"
        return Run(f"{row.model_name}{other_alpha}-seed-{seed}", row, recipe, seed)


def quick_recipe(recipe: Recipe) -> Recipe:
    """Return the recipe on half the resolution and with `QUICK_EPOCHS` epochs.

    The crop shows as much of the body as before; what augmentation counts in
    pixels shrinks with it.
    """
    augmentation, preprocessing = recipe.augmentation, recipe.preprocessing
    return replace(
        recipe,
        name=f"{recipe.name}-quick",
        epochs=QUICK_EPOCHS,
        augmentation=replace(
            augmentation,
            crop_pixels=max(_SMALLEST_CROP, augmentation.crop_pixels // _QUICK_FACTOR),
            elastic_pixels=augmentation.elastic_pixels / _QUICK_FACTOR,
            blur_pixels=augmentation.blur_pixels / _QUICK_FACTOR,
        ),
        preprocessing=replace(
            preprocessing, pixel_size_mm=min(_COARSEST_MM, preprocessing.pixel_size_mm * _QUICK_FACTOR)
        ),
    )
