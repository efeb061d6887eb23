"""The errors that a user is meant to read."""

from __future__ import annotations


class InputError(ValueError):
    """Input that cannot be used, with the sentence that repairs it.

    The command line prints it as a single line and exits with code 2; every
    other exception is a fault of the program and keeps its traceback.

    Parameters
    ----------
    problem : str
        What is wrong, with the offending value.
    repair : str
        What the user can do about it.
    """

    def __init__(self, problem: str, repair: str) -> None:
        self.problem = problem
        self.repair = repair
        super().__init__(f"{problem} {repair}")

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str]]:
        """Let it pass from one process to another, whole."""
        return type(self), (self.problem, self.repair)


class CheckFailure(RuntimeError):  # noqa: N818 - a check that failed is no error of the program
    """A check that a command was asked for and that did not pass.

    The command line prints it as a single line and exits with code 1.

    Parameters
    ----------
    problem : str
        What did not pass.
    repair : str
        What the user can do about it.
    """

    def __init__(self, problem: str, repair: str) -> None:
        super().__init__(f"{problem} {repair}")


def missing_package(package: str, user: str, *, extra: str) -> InputError:
    """Return the error for an optional package that is not installed.

    Parameters
    ----------
    package : str
        Its name.
    user : str
        What needs it, at the start of the sentence.
    extra : str
        The extra of this project's installation that brings it.
    """
    return InputError(
        f"{user} needs {package}, which is not installed.",
        f"Install LumbarSeg with its extra '{extra}': pip install -c constraints.txt -e '.[{extra}]'.",
    )
