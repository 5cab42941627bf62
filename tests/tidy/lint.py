#!/usr/bin/python3
"""clang-format for C++, flake8 and mypy for Python: nothing is rewritten, `make format` does that."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def listed(*patterns: str) -> list[str]:
    """Files that git knows, or would add."""
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *patterns], cwd=ROOT, check=True,
                         capture_output=True, text=True).stdout.split()
    return sorted(path for path in set(out) if (ROOT / path).exists())


def run(name: str, argv: list[str], **environment: str) -> bool:
    """Runs one linter over everything; prints what it says when it is not content."""
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False,
                          env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **environment})
    print(f"{name}: {'ok' if done.returncode == 0 else 'FAILED'}")
    if done.returncode != 0:
        print(done.stdout + done.stderr)
    return done.returncode == 0


def main() -> int:
    python = listed("*.py") + [path for path in listed("tests/*") if pathlib.Path(path).suffix == ""
                               and (ROOT / path).read_bytes().startswith(b"#!/usr/bin/python3")]
    results = [
        run("clang-format", ["clang-format", "--dry-run", "--Werror", *listed("*.cc", "*.h")]),
        run("flake8", ["flake8", "--max-line-length=120", "--extend-ignore=E203", *python]),
        run("mypy", ["mypy", "--python-executable=/usr/bin/python3", "--ignore-missing-imports", "--no-error-summary",
                     "--disallow-untyped-defs", "--disallow-incomplete-defs", "--namespace-packages",
                     "--explicit-package-bases", "--cache-dir=/dev/null",
                     *[path for path in python if path.endswith(".py")]], MYPYPATH="tests"),
    ]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
