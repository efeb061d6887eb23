"""Recipes, data, augmentation and the training loop."""
