"""Recipes: every number that a training run depends on, as frozen dataclasses.

`recipe_files` reads them from YAML; the files beside it say the same as the
recipes here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from LumbarSegLib.losses import Reference
from LumbarSegLib.preprocessing import PreprocessingConfig

Optimizer = Literal["adamw", "sgd"]
Schedule = Literal["one_cycle", "step"]

#: Lowest and highest value of each number, both allowed; of both numbers where there are two.
_AUGMENTATION_LIMITS: dict[str, tuple[float, float]] = {
    "crop_pixels": (32, 4096),
    "shift": (0, 1),
    "scale": (0.1, 10),
    "aspect": (1, 4),
    "rotation_deg": (0, 180),
    "shear": (0, 1),
    "flip_probability": (0, 1),
    "surroundings_probability": (0, 1),
    "elastic_probability": (0, 1),
    "elastic_pixels": (0, 64),
    "narrowing_probability": (0, 1),
    "narrowing_strength": (0, 2),
    "sac_darkening_probability": (0, 1),
    "sac_darkening": (0, 1),
    "gamma_probability": (0, 1),
    "gamma": (0.1, 10),
    "bias_probability": (0, 1),
    "bias_amplitude": (0, 2),
    "noise_probability": (0, 1),
    "noise": (0, 1),
    "blur_probability": (0, 1),
    # The kernel has seven taps.
    "blur_pixels": (0, 3),
    "low_resolution_probability": (0, 1),
    "low_resolution": (1, 8),
    "jitter_shift": (0, 5),
    "jitter_scale": (0, 2),
}
_RECIPE_LIMITS: dict[str, tuple[float, float]] = {
    "learning_rate": (1e-8, 10),
    "weight_decay": (0, 1),
    "epochs": (1, 100_000),
    "batch_size": (1, 1024),
    "alpha": (0, 100),
    "dice_weight": (0, 100),
    "average_decay": (0, 0.99999),
    "patience": (0, 100_000),
    "gradient_clip": (0, 1e6),
    "phantom_share": (0, 10),
    "nominal_spacing_mm": (0.1, 3),
}
_RECIPE_CHOICES: dict[str, tuple[str, ...]] = {
    "optimizer": get_args(Optimizer),
    "schedule": get_args(Schedule),
    "reference": get_args(Reference),
}


def check_limits(config: object, limits: Mapping[str, tuple[float, float]]) -> None:
    """Check the numbers of a dataclass.

    Parameters
    ----------
    config : dataclass
        Holds a number, or a pair with the lower one first, under each key of `limits`.
    limits : mapping
        Lowest and highest value, both allowed.

    Raises
    ------
    ValueError
        If a number is out of its range, or a pair the wrong way round.
    """
    for key, (low, high) in limits.items():
        value = getattr(config, key)
        numbers = value if isinstance(value, tuple) else (value,)
        if not all(low <= number <= high for number in numbers):
            raise ValueError(f"{key} must be in [{low:g}, {high:g}], got {value}.")
        if numbers[0] > numbers[-1]:
            raise ValueError(f"{key} must have the lower number first, got {value}.")


@dataclass(frozen=True)
class AugmentationConfig:
    """Ranges of the random transforms; a probability of 0 switches one off.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    #: Side of the square that is cut out, in pixels of the working grid.
    crop_pixels: int = 256
    #: Largest shift of its center, as a share of half the field of view.
    shift: float = 0.3
    #: Zoom is drawn log-uniformly between these.
    scale: tuple[float, float] = (0.65, 1.4)
    #: Rows and columns are stretched apart by up to this factor.
    aspect: float = 1.1
    #: Largest rotation in degrees.
    rotation_deg: float = 15.0
    #: Largest shear (tangent).
    shear: float = 0.08
    #: Mirror left and right; safe because no class has a side.
    flip_probability: float = 0.5
    #: Draw tissue instead of air outside the field of view: other scans show more of the body.
    surroundings_probability: float = 0.5
    #: Smooth random displacement: probability and standard deviation in pixels.
    elastic_probability: float = 0.3
    elastic_pixels: float = 4.0
    #: Pull the surroundings of the sac inwards: probability and largest strength.
    narrowing_probability: float = 0.2
    narrowing_strength: float = 0.6
    #: Darken the sac towards its surroundings: probability and lowest factor.
    sac_darkening_probability: float = 0.15
    sac_darkening: float = 0.4
    #: Exponent on signal scaled to [0, 1]: probability and range.
    gamma_probability: float = 0.6
    gamma: tuple[float, float] = (0.6, 1.7)
    #: Multiplicative smooth field: probability and log-amplitude.
    bias_probability: float = 0.5
    bias_amplitude: float = 0.35
    #: Gaussian noise: probability and largest standard deviation (signal in [0, 1]).
    noise_probability: float = 0.4
    noise: float = 0.06
    #: Gaussian blur: probability and largest standard deviation in pixels.
    blur_probability: float = 0.25
    blur_pixels: float = 1.2
    #: Down- and up-sampling: probability and largest factor.
    low_resolution_probability: float = 0.2
    low_resolution: float = 2.2
    #: Shift and log-scale of the z-scores: stands for another field of view.
    jitter_shift: float = 0.25
    jitter_scale: float = 0.2

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_limits(self, _AUGMENTATION_LIMITS)


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; stored in the checkpoint.

    Raises
    ------
    ValueError
        If a number is out of its range or a word is none of the choices.
    """

    name: str
    optimizer: Optimizer = "adamw"
    learning_rate: float = 2e-3
    weight_decay: float = 2e-2
    #: "one_cycle" over all steps, or "step": a tenth for the last fifth.
    schedule: Schedule = "one_cycle"
    epochs: int = 75
    #: Stop after this many epochs without a better mean Dice on the validation
    #: slices, and keep the network of the best epoch; 0 trains all epochs and
    #: keeps the last.
    patience: int = 0
    batch_size: int = 4
    #: Exponent of the size-adaptive loss and what its shares refer to.
    alpha: float = 1.0
    reference: Reference = "image"
    #: Factor of the batch Dice loss beside it.
    dice_weight: float = 1.0
    #: Decay per step of the moving average of the weights, which is what is
    #: validated and kept; 0 keeps the weights themselves.
    average_decay: float = 0.0
    #: Learn the vertebral body as an eighth class; results merge it with the background.
    vertebral_body: bool = False
    #: Norm at which gradients are cut off; 0 lets them be.
    gradient_clip: float = 5.0
    #: Phantom slices per real slice in an epoch.
    phantom_share: float = 0.12
    #: Pixel size in mm assumed for images whose index does not say.
    nominal_spacing_mm: float = 0.38
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    preprocessing: PreprocessingConfig = field(default_factory=PreprocessingConfig)

    def __post_init__(self) -> None:
        """Check the ranges and the choices."""
        if not self.name:
            raise ValueError("name must not be empty.")
        check_limits(self, _RECIPE_LIMITS)
        for key, choices in _RECIPE_CHOICES.items():
            if getattr(self, key) not in choices:
                raise ValueError(f"{key} must be one of {', '.join(choices)}, got {getattr(self, key)!r}.")


#: From nothing: strong augmentation, so that the network knows more than one scanner.
BEST = Recipe(name="best")

#: `best` at two thirds of its resolution, for a quick first cycle: an epoch costs
#: a third. What counts in pixels shrinks with the grid.
COARSE = replace(
    BEST,
    name="coarse",
    epochs=50,
    augmentation=replace(BEST.augmentation, crop_pixels=160, elastic_pixels=2.6, blur_pixels=0.8),
    preprocessing=PreprocessingConfig(pixel_size_mm=0.92),
)

#: A second cycle from the weights of the first (`--init`), with milder geometry
#: and sharper pictures: after `best` alone the network still underfits, its
#: Dice on training slices being 0.90 (0.85 for the lamina).
REFINE = Recipe(
    name="refine",
    learning_rate=1.5e-3,
    epochs=45,
    augmentation=AugmentationConfig(
        shift=0.2,
        scale=(0.8, 1.3),
        aspect=1.07,
        rotation_deg=10.0,
        shear=0.05,
        elastic_probability=0.2,
        elastic_pixels=3.0,
        narrowing_probability=0.15,
        narrowing_strength=0.5,
        gamma_probability=0.5,
        gamma=(0.65, 1.6),
        bias_probability=0.4,
        bias_amplitude=0.3,
        noise_probability=0.25,
        noise=0.05,
        blur_probability=0.15,
        blur_pixels=1.0,
        low_resolution_probability=0.1,
        low_resolution=2.0,
        jitter_shift=0.2,
        jitter_scale=0.15,
    ),
)

#: A third cycle on a finer grid, keeping the moving average of the weights and
#: learning the vertebral body: on fold 0 a finer grid alone gave the lamina
#: 0.02 more, averaging 0.005 in the mean.
FINE = replace(
    REFINE,
    name="fine",
    learning_rate=1e-3,
    epochs=45,
    average_decay=0.997,
    vertebral_body=True,
    augmentation=replace(REFINE.augmentation, crop_pixels=320, scale=(0.75, 1.25)),
    preprocessing=PreprocessingConfig(pixel_size_mm=0.46),
)

#: As far as the paper says: SGD, batch 4, 100 epochs, 1e-3 and 1e-4 for the
#: last 20; contrast, brightness, rotation of 10 degrees, horizontal flip; the
#: size-adaptive loss alone. Momentum 0.9 and weight decay 1e-4 are not given.
PAPER = Recipe(
    name="paper",
    optimizer="sgd",
    learning_rate=1e-3,
    weight_decay=1e-4,
    schedule="step",
    epochs=100,
    dice_weight=0.0,
    gradient_clip=0.0,
    phantom_share=0.0,
    augmentation=AugmentationConfig(
        crop_pixels=320,
        shift=0.0,
        scale=(1.0, 1.0),
        aspect=1.0,
        rotation_deg=10.0,
        shear=0.0,
        surroundings_probability=0.0,
        elastic_probability=0.0,
        narrowing_probability=0.0,
        sac_darkening_probability=0.0,
        gamma_probability=0.0,
        bias_probability=0.0,
        noise_probability=0.0,
        blur_probability=0.0,
        low_resolution_probability=0.0,
        jitter_shift=0.3,
        jitter_scale=0.3,
    ),
)

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (BEST, COARSE, REFINE, FINE, PAPER)}
