"""Files to arrays and geometry, and back; no decisions, no resampling."""
