"""The Slicer module's entry; so far it only says how to use the library."""

from __future__ import annotations

import qt
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleWidget


def statusText() -> str:
    """Say what works and what does not to a clinician who opens the module."""
    return _(
        "This version of LumbarSeg has no panel yet: nothing can be segmented from within Slicer. "
        "Segment a study on the command line with 'lumbarseg segment STUDY --output FOLDER' "
        "and load the segmentation_block-*.nii.gz files of that folder as segmentations. "
        "Research use only; not a medical device."
    )


class LumbarSeg(ScriptedLoadableModule):
    """Name, category and help text of the module."""

    def __init__(self, parent) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("LumbarSeg")
        parent.categories = ["Segmentation"]
        parent.dependencies = []
        parent.contributors = ["The LumbarSeg developers"]
        parent.helpText = statusText()
        parent.acknowledgementText = ""


class LumbarSegWidget(ScriptedLoadableModuleWidget):
    """A panel that holds the status text and nothing to click."""

    def setup(self) -> None:
        """Build the panel."""
        ScriptedLoadableModuleWidget.setup(self)
        label = qt.QLabel(statusText())
        label.wordWrap = True
        self.layout.addWidget(label)
        self.layout.addStretch(1)
