"""The default weights and their card."""
