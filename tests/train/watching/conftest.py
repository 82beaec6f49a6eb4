"""The student that has something to forget."""

from tests.train.forgetting.conftest import scholar

__all__ = ["scholar"]
