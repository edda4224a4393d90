"""Wording as files: `<name>.<language>.toml`, texts with `$variables`, filled strictly.

>>> fill("quote", "en", "not_found")
'No answer to this question was found in the statements.'
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from string import Template


def fill(name: str, language: str, key: str, /, **values: object) -> str:
    """Return a text with its variables filled. Raises KeyError for an unknown text, a missing variable or one too many."""
    template = Template(_texts(name, language)[key])
    if extra := set(values) - set(template.get_identifiers()):
        raise KeyError(f'text "{key}" of {name}.{language}.toml has no variable {", ".join(sorted(extra))}')
    return template.substitute({variable: str(value) for variable, value in values.items()})


@cache
def _texts(name: str, language: str) -> dict[str, str]:
    return tomllib.loads(files(__name__).joinpath(f"{name}.{language}.toml").read_text(encoding="utf-8"))
