"""Fixtures for every test."""

from __future__ import annotations

from pathlib import Path

import pytest

PROJECT_ROOT = Path(__file__).resolve().parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whatever asks for the shared data, so that `-m "not shared_data"` leaves nothing behind."""
    for item in items:
        if "shared_data_dir" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.shared_data)


@pytest.fixture(scope="session")
def project_root() -> Path:
    """Return the folder that holds pyproject.toml."""
    return PROJECT_ROOT


@pytest.fixture(scope="session")
def shared_data_dir(project_root: Path) -> Path:
    """Return the folder of real studies and labeled slices beside the checkout, or skip.

    Its content is never copied into the repository (CONTRIBUTING.md).
    """
    folder = (project_root.parent / "shared" / "data").resolve()
    if not folder.is_dir():
        pytest.skip("needs the real data in ../shared/data, which is not part of the repository")
    return folder
