"""From a study and a checkpoint to label maps and probabilities."""
