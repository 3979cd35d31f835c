"""What the code asks of DynamoDB, read from its source: which operation on which table, and in which module.

A function's operations are those that it names itself (`dynamodb.call("PutItem", …)`) or by what it calls (`items(…)`
queries); its tables are those that it names (`keys.EVENTS`). Functions that get the table as an argument are in
`BY_NAME`, so that whoever calls them counts. A function that names two operations or two tables is taken for all pairs.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from chalicelib.storage.tables import keys

ROOT = Path(__file__).resolve().parent.parent.parent
TABLES = {
    name: value for name, value in vars(keys).items() if name.isupper() and isinstance(value, str) and value.islower()
}
"""By the name of the constant."""

BY_NAME = {
    "item": {"GetItem"},
    "items": {"Query"},
    "newest": {"Query"},
    "several": {"BatchGetItem"},
    "query_all": {"Query"},
    "walked": {"Query"},
    "delete_all": {"BatchWriteItem"},
    "followed": {"Query", "BatchWriteItem"},
    "put": {"PutItem"},
    "update": {"UpdateItem"},
    "delete": {"DeleteItem"},
    "check": {"ConditionCheckItem"},
}
"""Of `storage.items`, `storage.writes`, `storage.changes`, `storage.dynamodb` and `identity.remains`."""

Pair = tuple[str, str]


def pairs_of(module: str) -> set[Pair]:
    """Operations and tables that a module of `chalicelib` names together."""
    tree = ast.parse(file_of(module).read_text())
    found: set[Pair] = set()
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        found |= {(op, table) for op in _operations(function) for table in _tables(function)}
    return found


def _operations(function: ast.FunctionDef) -> set[str]:
    found: set[str] = set()
    for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name == "call" and call.args and isinstance(call.args[0], ast.Constant):
            found.add(str(call.args[0].value))
        elif call.args:
            found |= BY_NAME.get(name, set())
    return found


def _tables(function: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "keys" and node.attr in TABLES:
            yield TABLES[node.attr]


def reachable(*modules: str) -> set[str]:
    """These modules of `chalicelib` and all that they import, directly or not, at their top or inside functions."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += _imports(module)
    return found


def _imports(module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(file_of(module).read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("chalicelib"):
            if _exists(str(node.module)):
                yield str(node.module)
            yield from (f"{node.module}.{each.name}" for each in node.names if _exists(f"{node.module}.{each.name}"))
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.startswith("chalicelib"))


def file_of(module: str) -> Path:
    path = ROOT / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _exists(module: str) -> bool:
    return file_of(module).is_file()
