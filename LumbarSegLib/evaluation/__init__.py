"""How well a network does: overlap, distances of outlines, areas, calibration, and where it fails."""
