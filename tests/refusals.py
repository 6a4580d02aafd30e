"""What an error says, for tests that try many things: where one of them raises nothing, pytest shows which."""

from __future__ import annotations

from collections.abc import Callable

import pytest


def message(error: type[BaseException], call: Callable[..., object], *arguments: object) -> str:
    """The message of the error that the call raises: of this very type, not of one that inherits from it."""
    with pytest.raises(error) as caught:
        call(*arguments)
    assert caught.type is error, f"{caught.type}: {caught.value}"
    return str(caught.value)
