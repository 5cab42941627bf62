"""The catalogue says the truth about the tests."""
import ast
import pathlib

from faults.catalogue import CASES

TESTS = pathlib.Path(__file__).resolve().parents[1]


def functions(path: pathlib.Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def test_every_case_has_a_number_of_its_own_and_tests_that_exist_or_a_reason() -> None:
    numbers = [case.number for case in CASES]
    assert len(numbers) == len(set(numbers))
    for case in CASES:
        assert case.tests or case.because, case
        for test in case.tests:
            file, _, function = test.partition("::")
            assert (TESTS / file).exists(), test
            assert not function or function in functions(TESTS / file), test
