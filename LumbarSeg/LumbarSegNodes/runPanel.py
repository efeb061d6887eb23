"""The panel's part that follows a running job: progress bar, log, Cancel."""

from __future__ import annotations

import time
from collections.abc import Callable

import qt
from slicer.i18n import tr as _

from LumbarSegNodes.childProcess import LogLine, Progress, SegmentationJob, SliceDone

_POLL_INTERVAL_MS = 100


class RunPanel:
    """At most one job, looked after by a timer, so that the window never waits for it.

    Parameters
    ----------
    ui : namespace
        Widgets of LumbarSeg.ui.
    onEnded : callable
        Gets the job that has ended by itself, and how many seconds it took.
    """

    def __init__(self, ui, onEnded: Callable[[SegmentationJob, float], None]) -> None:
        self._ui = ui
        self._onEnded = onEnded
        self._job: SegmentationJob | None = None
        self._startedAt = 0.0
        self._timer = qt.QTimer()
        self._timer.setInterval(_POLL_INTERVAL_MS)
        self._timer.connect("timeout()", self._onPoll)

    @property
    def isRunning(self) -> bool:
        """Whether there is a job."""
        return self._job is not None

    def follow(self, job: SegmentationJob) -> None:
        """Show the progress of a job that was started, until it ends or is cancelled."""
        self._job = job
        self._startedAt = time.monotonic()
        self._ui.progressBar.value = 0
        self._ui.progressBar.format = _("Starting...")
        self.log(_("Segmenting {volume}").format(volume=job.volumeNode.GetName()))
        self._timer.start()

    def cancel(self) -> None:
        """End the job, if there is one; `onEnded` is not called."""
        job = self._forget()
        if job is not None:
            job.cancel()
            self.log(_("Cancelled"))

    def log(self, text: str) -> None:
        """Add a line to the log."""
        self._ui.logTextEdit.appendPlainText(text)

    def _forget(self) -> SegmentationJob | None:
        self._timer.stop()
        job, self._job = self._job, None
        return job

    def _onPoll(self) -> None:
        isRunning = self._job.isRunning  # asked first: what it said last must not be missed
        for event in self._job.poll():
            if isinstance(event, Progress):
                self._ui.progressBar.value = round(100 * event.fraction)
            elif isinstance(event, SliceDone):
                self._ui.progressBar.format = _("slice {k} of {n}").format(k=event.number, n=event.count)
            elif isinstance(event, LogLine):
                self.log(event.text)
        if not isRunning:
            self._onEnded(self._forget(), time.monotonic() - self._startedAt)
