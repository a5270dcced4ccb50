"""Shapes of incoming JSON: nothing of it can be trusted to be what Meta documents."""

from collections.abc import Mapping
from typing import Any

from .errors import GraphError


def objects(value: Any, *, name: str) -> list[Mapping[str, Any]]:
    """This will return an array of objects; a missing one is empty.

    Raises: GraphError 100 for anything else.
    """
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise GraphError(100, details=f"Param {name} must be an array of objects.")
    return value


def mapping(value: Any) -> Mapping[str, Any]:
    """This will return an object, or an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}
