"""What preset and recipe say of a method's options, and which of them wins."""

from __future__ import annotations

from typing import Any

from facebench.config.options import PRESETS, Override, Overrides, group_of, layer, without_groups
from facebench.errors import UnknownNameError
from facebench.method import Method


def declared_layers(method: type[Method], preset: str, recipe: Override) -> Overrides:
    """Return what preset and recipe say: of the budget the preset's word counts, else the recipe's.

    Raises:
        UnknownNameError: The method has no such recipe.
    """
    name, where = method.info.name, f"preset {preset}"
    of_recipe = layer(_recipe(method, recipe), f"recipe {recipe.value}", group=name)
    return (
        without_groups(of_recipe, (name,))
        | layer(PRESETS.get(preset, {}), where)
        | layer(method.info.presets.get(preset, {}), where, group=name)
        | {key: override for key, override in of_recipe.items() if group_of(key) == name}
    )


def _recipe(method: type[Method], chosen: Override) -> dict[str, Any]:
    recipes: dict[str, Any] = {"paper": {}, **method.info.recipes}
    if chosen.value not in recipes:
        raise UnknownNameError("recipe", str(chosen.value), recipes, where=chosen.where)
    return dict(recipes[chosen.value])
