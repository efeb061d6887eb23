"""Recipes of pretraining: every number that a run depends on, as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass, field

from LumbarSegLib.preprocessing import PreprocessingConfig
from LumbarSegLib.training.recipes import AugmentationConfig, Recipe, check_limits

#: Lowest and highest value of each number, both allowed; of both numbers where there are two.
_CORRUPTION_LIMITS: dict[str, tuple[float, float]] = {
    "curve_probability": (0, 1),
    "curve_knots": (2, 64),
    "inversion_probability": (0, 1),
    "patch_pixels": (2, 512),
    "mask_probability": (0, 1),
    "mask_share": (0, 0.9),
    "mask_noise_probability": (0, 1),
    "shuffle_probability": (0, 1),
    "shuffle_share": (0, 1),
    "shuffle_pixels": (2, 64),
}
_RECIPE_LIMITS: dict[str, tuple[float, float]] = {
    "corrupted_weight": (1, 100),
    "held_back_share": (0.01, 0.5),
}


@dataclass(frozen=True)
class CorruptionConfig:
    """How images are damaged for a network to restore; a probability of 0 switches a damage off.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    #: Map the signal by a random rising curve: probability, and straight pieces of the curve.
    curve_probability: float = 0.8
    curve_knots: int = 6
    #: Share of these curves that fall instead, air staying dark: T1 to T2 and back, as it were.
    inversion_probability: float = 0.4
    #: Side of the squares that are blanked or shuffled, in pixels of the working grid.
    patch_pixels: tuple[float, float] = (6, 20)
    #: Blank squares: probability, largest share of the picture, and how often they hold noise instead of the median.
    mask_probability: float = 0.9
    mask_share: float = 0.5
    mask_noise_probability: float = 0.5
    #: Shuffle pixels within small windows: probability, largest share of the picture, and side of a window.
    shuffle_probability: float = 0.5
    shuffle_share: float = 0.5
    shuffle_pixels: int = 4

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_limits(self, _CORRUPTION_LIMITS)


@dataclass(frozen=True)
class PretrainingRecipe:
    """How a network is pretrained; stored in the checkpoint.

    Raises
    ------
    ValueError
        If a number is out of its range, or a crop is not a whole number of shuffled windows.
    """

    name: str
    #: AdamW under a one-cycle schedule over all steps.
    learning_rate: float = 2e-3
    weight_decay: float = 2e-2
    epochs: int = 8
    batch_size: int = 8
    #: Norm at which gradients are cut off; 0 lets them be.
    gradient_clip: float = 5.0
    #: Weight of blanked and shuffled pixels in the mean absolute error; all others have 1.
    corrupted_weight: float = 2.0
    #: Share of the images of each folder that measures and is not trained on.
    held_back_share: float = 0.05
    #: Pixel size in mm of a folder for which none is given.
    nominal_spacing_mm: float = 0.38
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    corruption: CorruptionConfig = field(default_factory=CorruptionConfig)
    preprocessing: PreprocessingConfig = field(default_factory=PreprocessingConfig)

    def __post_init__(self) -> None:
        """Check the ranges; those that a training recipe has too are checked there."""
        check_limits(self, _RECIPE_LIMITS)
        if self.augmentation.crop_pixels % self.corruption.shuffle_pixels:
            raise ValueError(
                f"augmentation.crop_pixels must be a multiple of corruption.shuffle_pixels "
                f"({self.corruption.shuffle_pixels}), got {self.augmentation.crop_pixels}."
            )
        _ = self.optimization

    @property
    def optimization(self) -> Recipe:
        """The training recipe with these batches, this augmentation and this optimizer."""
        return Recipe(
            name=self.name,
            optimizer="adamw",
            schedule="one_cycle",
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            epochs=self.epochs,
            batch_size=self.batch_size,
            gradient_clip=self.gradient_clip,
            phantom_share=0.0,
            nominal_spacing_mm=self.nominal_spacing_mm,
            augmentation=self.augmentation,
            preprocessing=self.preprocessing,
        )


#: Restoration on a coarse grid, where a network sees the whole picture and a
#: step is cheap: two CPU cores manage 1500 slices in about ten minutes.
RESTORE = PretrainingRecipe(
    name="restore",
    augmentation=AugmentationConfig(
        crop_pixels=160,
        scale=(0.75, 1.4),
        elastic_probability=0.2,
        elastic_pixels=2.5,
        narrowing_probability=0.0,
        sac_darkening_probability=0.0,
        gamma_probability=0.0,
        bias_amplitude=0.3,
        noise=0.08,
        blur_pixels=1.2,
    ),
    preprocessing=PreprocessingConfig(pixel_size_mm=0.92),
)

PRETRAINING_RECIPES: dict[str, PretrainingRecipe] = {RESTORE.name: RESTORE}
