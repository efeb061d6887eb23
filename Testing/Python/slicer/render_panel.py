"""Write pictures of the real panel, as the documentation shows them.

    python Testing/Python/slicer/render_panel.py FOLDER

`panel_start.png` is the panel as it opens, `panel_ready.png` with the sample loaded, `panel_done.png` after a run of
the network on it. Nothing but generated phantoms is shown.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import slicer_host

RUN_TIMEOUT_S = 600.0


def write_pictures(folder: Path) -> None:
    """Write the three pictures into the folder."""
    panel = slicer_host.openPanel()
    write_picture(panel, folder / "panel_start.png")
    panel.ui.loadSampleButton.click()
    panel.wait_until(lambda: panel.ui.applyButton.enabled, RUN_TIMEOUT_S)
    write_picture(panel, folder / "panel_ready.png")
    panel.ui.applyButton.click()
    panel.wait_until(lambda: not panel.ui.cancelButton.enabled, RUN_TIMEOUT_S)
    if not panel.ui.measureButton.enabled:
        raise RuntimeError(f"The run did not end well: {panel.ui.statusLabel.text}")
    write_picture(panel, folder / "panel_done.png")
    panel.close()


def write_picture(panel: slicer_host.Panel, path: Path) -> None:
    """Write the panel without the empty space below it."""
    panel.process_events()
    panel.window.resize(panel.window.width, panel.window.sizeHint.height())
    panel.picture(path)


def main(arguments: list[str]) -> int:
    """Write the pictures into the folder that the command line names."""
    if len(arguments) != 1:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    write_pictures(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
