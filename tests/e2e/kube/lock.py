"""Caches below build/kube are filled by one process at a time."""
import fcntl
import pathlib
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def locked(place: pathlib.Path) -> Iterator[None]:
    """Whoever comes second waits, and then finds the result."""
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
