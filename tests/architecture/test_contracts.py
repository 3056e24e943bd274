"""The rules of the structure, held by machines: imports, sizes, names, and what a start may cost."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "polyterm").rglob("*.py"))
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)


def modules_after(statement: str) -> set[str]:
    """Top-level modules loaded in a fresh interpreter once ``statement`` has run."""
    code = f"import sys\n{statement}\nprint(' '.join(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    done = run(sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def test_import_contracts_hold() -> None:
    done = run(sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()")
    assert done.returncode == 0, done.stdout + done.stderr


def test_types_are_strict() -> None:
    done = run(sys.executable, "-m", "mypy")
    assert done.returncode == 0, done.stdout + done.stderr


def test_lint_and_format_are_clean() -> None:
    for arguments in (("check",), ("format", "--check")):
        done = run(sys.executable, "-m", "ruff", *arguments, "polyterm", "tests")
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= MAX_FILE_LINES, f"{path.name} has more than {MAX_FILE_LINES} lines: split it"
    long = [
        f"{node.name} ({node.end_lineno - node.lineno + 1} lines)"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    ]
    assert not long, f"{path.name}: {', '.join(long)}"


def test_every_package_says_what_belongs_in_it() -> None:
    for package in (path for path in SOURCES if path.name == "__init__.py"):
        docstring = ast.get_docstring(ast.parse(package.read_text(encoding="utf-8")))
        assert docstring, f"{package.relative_to(ROOT)} has no docstring"


def test_no_catch_all_modules() -> None:
    names = {path.stem for path in SOURCES} | {path.parent.name for path in SOURCES}
    assert not names & {"utils", "util", "helpers", "common", "misc", "manager"}


def test_help_imports_no_screen_network_or_number_library() -> None:
    loaded = modules_after(
        "from click.testing import CliRunner\nfrom polyterm.cli import cli\n"
        "result = CliRunner().invoke(cli, ['--help'])\nassert result.exit_code == 0 and 'replay' in result.output"
    )
    heavy = {"textual", "rich", "web3", "numpy", "scipy", "httpx", "aiohttp", "websockets", "sqlalchemy", "pydantic"}
    assert not loaded & heavy


def test_the_headless_engine_draws_nothing() -> None:
    loaded = modules_after("import polyterm.service.runtime, polyterm.cli.headless, polyterm.cli.demo")
    assert not loaded & {"textual", "web3", "scipy", "polymarket"}  # rich comes with httpx, which offers a command


def test_a_console_carries_no_engine() -> None:
    loaded = modules_after("import polyterm.console, polyterm.service.link.client")
    assert not loaded & {"numpy", "scipy", "web3", "sqlalchemy", "httpx"}
