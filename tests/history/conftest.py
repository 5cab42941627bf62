"""Options of the concurrency checker."""
import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=0, help="the dice of the history; 0: others each time")
    parser.addoption("--race-stage", action="store_true",
                     help="detach nodes while they attach, which Kubernetes does not: shows a hole that is documented")
