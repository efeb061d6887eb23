"""The numbers that give a slice its shape: drawn at random, or part of the way between two slices.

Frame: x toward the patient's left, y toward the back, in mm; the origin lies
on the midline at the rear border of the disc.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True)
class SideShape:
    """Shape of one side of the body; lengths in mm unless a comment says otherwise."""

    psoas_width: float
    psoas_height: float
    psoas_y: float  # of its center
    psoas_slant: float  # share by which it is wider behind than in front
    flavum_width: float  # half the width of the canal at its front end
    flavum_thickness: float
    lamina_width: float
    multifidus_width: float  # reach from the midline
    multifidus_front: float
    erector_width: float  # reach from the midline
    erector_tip: float  # share of its depth at which it is widest
    wave: float  # strength of the undulation of the muscles' borders, 0-1
    phase: float  # of that undulation, radians


@dataclass(frozen=True)
class SliceShape:
    """Shape of one slice; lengths in mm unless a comment says otherwise."""

    disc_half_width: float
    disc_half_height: float
    disc_squareness: float  # exponent of the superellipse
    disc_notch: float  # share by which the rear border is hollow; negative where it bulges
    disc_phase: float  # of the undulation of its outline, radians
    sac_width: float
    sac_height: float
    sac_triangularity: float  # share by which it narrows toward the back
    sac_y: float  # of its front border
    arch_depth: float  # where the canal ends behind
    arch_gap: float  # between the arms and the spinous process; 0 where the slice cuts a closed arch
    process_half_width: float
    process_end: float
    muscle_end: float  # how far back the multifidus reaches
    left: SideShape
    right: SideShape


def draw_slice_shape(rng: np.random.Generator) -> SliceShape:
    """Draw the shape of a slice.

    The spread follows what is seen between L1 and L5 in patients with back
    pain; the two sides resemble each other without being equal.
    """
    level = rng.uniform(0.0, 1.0)
    size = float(np.clip(rng.normal(1.0, 0.05), 0.88, 1.12))
    arch_depth = rng.uniform(16.5, 21.5)
    arch_gap = rng.uniform(1.0, 9.0) if rng.random() < 0.35 else 0.0
    muscle_end = rng.uniform(48.0, 62.0)
    narrowing = rng.uniform(0.55, 0.85) if rng.random() < 0.2 else 1.0
    common = SideShape(
        psoas_width=(13.0 + 20.0 * level) * rng.uniform(0.75, 1.25),
        psoas_height=rng.uniform(30.0, 44.0),
        psoas_y=rng.uniform(-19.0, -12.0),
        psoas_slant=rng.uniform(-0.1, 0.6),
        flavum_width=rng.uniform(8.0, 10.5),
        flavum_thickness=rng.uniform(1.8, 3.2),
        lamina_width=rng.uniform(4.5, 7.0),
        multifidus_width=rng.uniform(18.0, 26.0) + 7.0 * level,
        multifidus_front=rng.uniform(12.0, 16.0),
        erector_width=rng.uniform(66.0, 82.0) - 8.0 * level,
        erector_tip=rng.uniform(0.3, 0.5),
        wave=rng.uniform(0.0, 1.0),
        phase=rng.uniform(0.0, 2 * np.pi),
    )
    return SliceShape(
        disc_half_width=25.5 * size * rng.uniform(0.92, 1.08),
        disc_half_height=18.5 * size * rng.uniform(0.9, 1.1),
        disc_squareness=rng.uniform(2.05, 2.6),
        disc_notch=rng.uniform(-0.04, 0.14),
        disc_phase=rng.uniform(0.0, 2 * np.pi),
        sac_width=rng.uniform(14.0, 21.0) * narrowing,
        sac_height=rng.uniform(10.0, 15.0) * narrowing,
        sac_triangularity=rng.uniform(-0.1, 0.3),
        sac_y=rng.uniform(0.8, 1.8),
        arch_depth=arch_depth,
        arch_gap=arch_gap,
        process_half_width=rng.uniform(2.0, 3.8),
        process_end=rng.uniform(arch_depth + arch_gap + 12.0, muscle_end - 3.0),
        muscle_end=muscle_end,
        left=_vary(common, rng),
        right=_vary(common, rng),
    )


def blend(first: SliceShape, second: SliceShape, share: float) -> SliceShape:
    """Return the shape that lies `share` (0-1) of the way from `first` to `second`."""
    mixed = _blend_numbers(first, second, share, skip=("left", "right"))
    return SliceShape(
        **mixed,
        left=SideShape(**_blend_numbers(first.left, second.left, share)),
        right=SideShape(**_blend_numbers(first.right, second.right, share)),
    )


def _blend_numbers(
    first: SliceShape | SideShape, second: SliceShape | SideShape, share: float, skip: tuple[str, ...] = ()
) -> dict[str, float]:
    names = [field.name for field in fields(first) if field.name not in skip]
    return {name: (1 - share) * getattr(first, name) + share * getattr(second, name) for name in names}


def _vary(side: SideShape, rng: np.random.Generator) -> SideShape:
    """Change every number of a side by some 7 percent, at most 16."""
    factors = np.clip(rng.normal(1.0, 0.07, len(fields(side))), 0.84, 1.16)
    return SideShape(
        **{
            field.name: float(factor) * getattr(side, field.name)
            for field, factor in zip(fields(side), factors, strict=True)
        }
    )
