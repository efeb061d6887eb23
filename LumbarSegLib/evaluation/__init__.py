"""How well a network does: overlap with reference outlines."""
