"""Synthetic lumbar slices and studies whose areas are known exactly."""
