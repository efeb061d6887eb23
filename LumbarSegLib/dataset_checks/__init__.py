"""Is a folder of labeled slices fit to train on? What is wrong with it, and what is suspicious."""

from __future__ import annotations

from LumbarSegLib.dataset_checks.folder import FolderCheck, check_folder
from LumbarSegLib.dataset_checks.records import CLASS_KEYS, Finding, Severity, SliceFacts

__all__ = ["CLASS_KEYS", "Finding", "FolderCheck", "Severity", "SliceFacts", "check_folder"]
