"""Recipes as YAML files: those of the package, and the user's own.

A file has the keys of `Recipe`, with `augmentation` and `preprocessing` as
sections. A key that is left out has the default of the dataclass; the name,
that of the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from LumbarSegLib.errors import InputError, missing_package
from LumbarSegLib.io.file_errors import cannot_be_read, reason_of
from LumbarSegLib.training.recipes import RECIPES, Recipe

RECIPE_SUFFIXES = (".yaml", ".yml")

_EXPLAINED = "Keys and what they mean: lumbarseg train --write-recipe FILE.yaml."

#: YAML 1.1, which PyYAML reads, wants a point in 1.0e-3; everyone writes 1e-3.
_EXPONENT_WITHOUT_POINT = re.compile(r"^[-+]?[0-9]+[eE][-+]?[0-9]+$")


def find_recipe(name: str) -> Recipe:
    """Return a recipe by name, or from a file whose name ends in one of `RECIPE_SUFFIXES`.

    Raises
    ------
    InputError
        If there is no such recipe, or as `read_recipe`.
    """
    if name in RECIPES:
        return RECIPES[name]
    if name.lower().endswith(RECIPE_SUFFIXES):
        return read_recipe(Path(name))
    raise InputError(
        f"There is no recipe {name!r}.", f"Name one of {', '.join(RECIPES)}, or a file that ends in .yaml."
    )


def recipe_text(name: str, new_name: str) -> str:
    """Return the YAML file of a recipe of the package, every key explained, under another name.

    Parameters
    ----------
    name : str
        A key of `RECIPES`.
    new_name : str
        What the recipe calls itself in the text.

    Raises
    ------
    InputError
        If there is no such recipe.
    """
    if name not in RECIPES:
        raise InputError(f"{name!r} is no recipe of the package.", f"Name one of {', '.join(RECIPES)}.")
    text = resources.files("LumbarSegLib.training").joinpath("recipe_yaml", f"{name}.yaml").read_text(encoding="utf-8")
    # A string of JSON is one of YAML, whatever it holds.
    return text.replace(f"\nname: {name}\n", f"\nname: {json.dumps(new_name)}\n")


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from a YAML file.

    Raises
    ------
    InputError
        If the file cannot be read or is no YAML; a key is unknown, stands
        twice, or has a value of the wrong type or out of its range; the name is
        that of another recipe of the package; or PyYAML is not installed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise cannot_be_read(path, reason_of(error)) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text in UTF-8.", "Save it again as UTF-8.") from error
    content = {"name": path.stem, **_parse(text, path)}
    recipe: Recipe = _build(Recipe, content, path, "")
    if recipe.name in RECIPES and recipe != RECIPES[recipe.name]:
        raise InputError(
            f"{path}: name is {recipe.name!r}, but its settings are not those of that recipe.", "Give it another name."
        )
    return recipe


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError as error:
        raise missing_package("PyYAML", "Reading a recipe from a file", extra="train") from error

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """Knows 1e-3 as a number, and no key twice."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            twice = [key for number, key in enumerate(keys) if key in keys[:number]]
            if twice:
                raise InputError(f"{path} has the key {twice[0]} twice.", "Keep one of them.")
            mapping: dict[Any, Any] = super().construct_mapping(node, deep)
            return mapping

    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT_WITHOUT_POINT, list("-+0123456789"))
    try:
        content = yaml.load(text, Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        detail = " ".join(str(error).split())
        raise InputError(f"{path} is no YAML ({detail}).", "Write lines such as 'epochs: 75'.") from error
    if content is None:  # an empty file: all defaults
        return {}
    if not isinstance(content, dict):
        raise InputError(f"{path} has no keys.", "Write lines such as 'epochs: 75'.")
    return content


def _build(kind: type, content: Mapping[Any, Any], path: Path, section: str) -> Any:
    """Make the dataclass `kind` from the keys of one section."""
    types = get_type_hints(kind)
    known = [each.name for each in fields(kind)]
    unknown = [key for key in content if key not in known]
    if unknown:
        raise InputError(f"{path} has the unknown key {section}{unknown[0]}.", f"Known are: {', '.join(known)}.")
    values = {key: _convert(value, types[key], path, f"{section}{key}") for key, value in content.items()}
    try:
        return kind(**values)
    except ValueError as error:
        raise InputError(f"{path}: {section}{error}", _EXPLAINED) from error


def _convert(value: Any, kind: Any, path: Path, key: str) -> Any:
    """Return a value of YAML as the type of its field."""
    if is_dataclass(kind) and isinstance(kind, type):
        if isinstance(value, dict):
            return _build(kind, value, path, f"{key}.")
        expected = "a section of keys"
    elif get_origin(kind) is tuple:
        if isinstance(value, list) and len(value) == len(get_args(kind)) and all(map(_is_number, value)):
            return tuple(map(float, value))
        expected = "two numbers such as [0.8, 1.2]"
    elif get_origin(kind) is Literal:
        if isinstance(value, str):
            return value
        expected = f"one of {', '.join(get_args(kind))}"
    elif kind is float:
        if _is_number(value):
            return float(value)
        expected = "a number"
    else:
        if type(value) is kind:  # a bool is an int for isinstance
            return value
        expected = {str: "a text", int: "a whole number", bool: "true or false"}[kind]
    raise InputError(f"{path}: {key} must be {expected}, got {value!r}.", _EXPLAINED)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
