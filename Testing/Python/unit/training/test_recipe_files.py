"""Recipes from YAML: those of the package say what the dataclasses say, and slips are named."""

from __future__ import annotations

import builtins
from dataclasses import asdict, replace
from importlib import resources
from pathlib import Path

import pytest
import yaml

from LumbarSegLib.errors import InputError
from LumbarSegLib.training.recipe_files import find_recipe, read_recipe, recipe_text
from LumbarSegLib.training.recipes import BEST, RECIPES, AugmentationConfig, Recipe

SHIPPED = resources.files("LumbarSegLib.training").joinpath("recipe_yaml")


def _keys(settings: dict[str, object]) -> set[str]:
    sections = {key: value for key, value in settings.items() if isinstance(value, dict)}
    return {*settings, *(f"{name}.{key}" for name, section in sections.items() for key in section)}


def _read(folder: Path, text: str, name: str = "mine.yaml") -> Recipe:
    (folder / name).write_text(text, encoding="utf-8")
    return read_recipe(folder / name)


def test_every_recipe_has_a_twin_and_there_is_no_other():
    assert {each.name for each in SHIPPED.iterdir()} == {f"{name}.yaml" for name in RECIPES}


@pytest.mark.parametrize("name", RECIPES)
def test_the_twin_says_what_the_dataclass_says(name):
    path = Path(str(SHIPPED)) / f"{name}.yaml"
    assert read_recipe(path) == RECIPES[name] == find_recipe(name)
    # Whoever edits a copy sees every key, and types survive: 1 is not 1.0.
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert _keys(written) == _keys(asdict(RECIPES[name]))
    assert repr(read_recipe(path)) == repr(RECIPES[name])


@pytest.mark.parametrize("name", ["mine", "yes", "1e3", 'a: "b" # c', "ä"])
def test_a_copy_differs_in_name_alone(tmp_path, name):
    assert _read(tmp_path, recipe_text("fine", name)) == replace(RECIPES["fine"], name=name)


def test_what_is_left_out_has_its_default(tmp_path):
    assert _read(tmp_path, "") == replace(BEST, name="mine")
    read = _read(tmp_path, "epochs: 3\naugmentation: {rotation_deg: 5}\n", name="short.yml")
    assert read == replace(BEST, name="short", epochs=3, augmentation=AugmentationConfig(rotation_deg=5.0))
    assert type(read.augmentation.rotation_deg) is float


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "1.0e-3", "0.001", ".001"])
def test_numbers_as_people_write_them(tmp_path, text):
    assert _read(tmp_path, f"learning_rate: {text}").learning_rate == 0.001


SLIPS = {
    "unknown key": ("epoch: 3", "unknown key epoch.", "learning_rate, weight_decay"),
    "unknown key of a section": ("augmentation: {rotation: 3}", "unknown key augmentation.rotation.", "rotation_deg"),
    "twice": ("epochs: 3\nepochs: 4", "the key epochs twice", "Keep one"),
    "twice in a section": ("augmentation:\n  noise: 0\n  noise: 1", "the key noise twice", "Keep one"),
    "text for a number": ("learning_rate: fast", "learning_rate must be a number, got 'fast'.", "--write-recipe"),
    "switch for a number": ("weight_decay: yes", "weight_decay must be a number, got True.", "--write-recipe"),
    "fraction for a count": ("epochs: 1.5", "epochs must be a whole number, got 1.5.", "--write-recipe"),
    "switch for a count": ("epochs: true", "epochs must be a whole number, got True.", "--write-recipe"),
    "number for a switch": ("vertebral_body: 1", "vertebral_body must be true or false, got 1.", "--write-recipe"),
    "number for a name": ("name: 7", "name must be a text, got 7.", "--write-recipe"),
    "number for a choice": ("optimizer: 3", "optimizer must be one of adamw, sgd, got 3.", "--write-recipe"),
    "one number for two": ("augmentation: {scale: 2}", "augmentation.scale must be two numbers", "--write-recipe"),
    "three for two": ("augmentation: {gamma: [1, 2, 3]}", "augmentation.gamma must be two", "--write-recipe"),
    "value for a section": ("preprocessing: 0.6", "preprocessing must be a section of keys", "--write-recipe"),
    "empty section": ("preprocessing:", "preprocessing must be a section of keys", "--write-recipe"),
    "nothing": ("epochs:", "epochs must be a whole number, got None.", "--write-recipe"),
    "too low": ("epochs: 0", "epochs must be in [1, 100000], got 0.", "--write-recipe"),
    "not finite": ("learning_rate: .nan", "learning_rate must be in [1e-08, 10], got nan.", "--write-recipe"),
    "too high": ("augmentation: {noise: 1.1}", "augmentation.noise must be in [0, 1], got 1.1.", "--write-recipe"),
    "of two": ("augmentation: {scale: [0, 1]}", "augmentation.scale must be in [0.1, 10]", "--write-recipe"),
    "order": ("augmentation: {scale: [2, 1]}", "augmentation.scale must have the lower number", "--write-recipe"),
    "of the grid": ("preprocessing: {pixel_size_mm: 60}", "preprocessing.pixel_size_mm must be", "--write-recipe"),
    "no choice": ("schedule: cosine", "schedule must be one of one_cycle, step, got 'cosine'.", "--write-recipe"),
    "empty name": ('name: ""', "name must not be empty.", "--write-recipe"),
    "name of another": ("name: best\nepochs: 3", "name is 'best', but its settings are not", "another name"),
    "a list": ("- epochs", "has no keys", "epochs: 75"),
    "no YAML": ("epochs: [", "is no YAML", "epochs: 75"),
    "code": ("name: !!python/object/apply:os.getcwd []", "is no YAML", "epochs: 75"),
}


@pytest.mark.parametrize(("text", "problem", "repair"), SLIPS.values(), ids=SLIPS)
def test_slips_are_named_with_what_is_allowed(tmp_path, text, problem, repair):
    with pytest.raises(InputError) as caught:
        _read(tmp_path, text)
    assert str(tmp_path / "mine.yaml") in caught.value.problem
    assert problem in caught.value.problem
    assert repair in caught.value.repair
    assert "\n" not in str(caught.value)


def test_files_that_are_none(tmp_path):
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe4")
    for name, words in (
        ("latin.yaml", "UTF-8"),
        ("absent.yaml", "No such file"),
        ("bets", "best, coarse, refine, fine"),
    ):
        with pytest.raises(InputError, match=words):
            find_recipe(name if name == "bets" else str(tmp_path / name))


def test_without_pyyaml_the_error_names_the_extra(tmp_path, monkeypatch):
    real = builtins.__import__

    def without_yaml(name, *rest):
        if name == "yaml":
            raise ModuleNotFoundError(name="yaml")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_yaml)
    assert find_recipe("paper") is RECIPES["paper"]
    with pytest.raises(InputError, match=r"PyYAML.*'train'"):
        _read(tmp_path, "epochs: 3")


@pytest.mark.parametrize(
    ("change", "words"),
    [({"epochs": 0}, "epochs must be in"), ({"optimizer": "adam"}, "one of adamw, sgd"), ({"patience": -1}, "pati")],
    ids=str,
)
def test_recipes_made_in_python_are_checked_alike(change, words):
    with pytest.raises(ValueError, match=words):
        replace(BEST, **change)
