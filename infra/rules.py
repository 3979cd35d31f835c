"""The house rules that no linter knows, each a function from a file to what is wrong in it.

    scan          `Scan` reads a whole table: only erasure may
    digest        secrets are compared in constant time (S12)
    key           DynamoDB requests are written in `storage` and `events/store`, their keys in `storage/tables`
    code          what ships runs nothing but what was written: no `eval`, no pickle, no shell, no template made of text
    pattern       a regular expression is written out; text in it is escaped
    markup        templates hold no inline style and no inline script: the content security policy forbids both
    raw           templates show text as text: nothing switches the escaping off
    request       the global request is read in one function, in `web`
    place         no file names a place outside the project: a machine's folders, a registry's host
    route         API Gateway refuses two parameter names at the same place of a path

A line may be excused where its author says why: `# digest: a content hash, known to everyone`.
"""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something that breaks a rule, and where."""

    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


def findings(path: str, text: str) -> list[Finding]:
    """What is wrong in one file of the project. `path` is relative to its root."""
    found = list(_places(path, text))
    if path.endswith(".py"):
        tree = ast.parse(text, path)
        for rule in _PYTHON_RULES:
            found.extend(rule(path, tree))
    if path.startswith("chalicelib/templates/"):
        found.extend(_markup(path, text))
        found.extend(_raw(path, text))
    lines = text.splitlines()
    return [finding for finding in found if not _excused(finding, lines)]


def route_conflicts(resources: Iterable[str]) -> list[Finding]:
    """Routes that differ only in the name of a parameter at one place."""
    names: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for resource in resources:
        segments = resource.strip("/").split("/")
        for place, segment in enumerate(segments):
            if segment.startswith("{"):
                # What stands before is the same resource to API Gateway, whatever its parameters are called.
                before = tuple("{}" if part.startswith("{") else part for part in segments[:place])
                names[before].add(segment)
    return [
        Finding("app.py", 1, "route", f"/{'/'.join(before)}/ is followed by {' and '.join(sorted(found))}")
        for before, found in sorted(names.items())
        if len(found) > 1
    ]


def _scan(path: str, tree: ast.AST) -> Iterator[Finding]:
    if not path.startswith("chalicelib/") or Path(path).stem == "erasure":
        return
    for node in ast.walk(tree):
        called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "scan"
        named = isinstance(node, ast.Constant) and node.value == "Scan"
        if called or named:
            yield Finding(path, _line(node), "scan", "a scan reads the whole table: only erasure may")


_SECRET: Final = re.compile(r"(^|_)(hash|secret|digest|token|signature|verifier|password)$", re.IGNORECASE)


def _digest(path: str, tree: ast.AST) -> Iterator[Finding]:
    if not path.startswith("chalicelib/"):
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare) or not any(isinstance(sign, ast.Eq | ast.NotEq) for sign in node.ops):
            continue
        sides = [node.left, *node.comparators]
        # A comparison with a constant (`token == ""`) asks for its form and tells nothing of a secret.
        if any(isinstance(side, ast.Constant) for side in sides):
            continue
        for side in sides:
            if _SECRET.search(name := _name(side)):
                yield Finding(path, _line(node), "digest", f"compare {name} with hmac.compare_digest")
                break


_MAKERS: Final = frozenset({"eval", "exec", "compile", "__import__", "Markup"})
"""What makes a program, or a page, out of text."""

_MAKING_METHODS: Final = frozenset({"from_string", "import_module", "popen", "system"})

_MAKING_MODULES: Final = frozenset(
    "code codeop ctypes dill jsonpickle marshal pickle pty runpy shelve subprocess xml yaml".split()
)


def _code(path: str, tree: ast.AST) -> Iterator[Finding]:
    if not path.startswith(("chalicelib/", "app.py")):
        return
    for node in ast.walk(tree):
        for name in sorted(_making(node)):
            yield Finding(path, _line(node), "code", f"{name} can run what somebody sent")


def _making(node: ast.AST) -> frozenset[str]:
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return _MAKERS & {name}
        case ast.Call(func=ast.Attribute(attr=name)):
            return (_MAKING_METHODS | {"Markup"}) & {name}
        case ast.Import(names=names):
            return _MAKING_MODULES & {each.name.partition(".")[0] for each in names}
        case ast.ImportFrom(module=str(module)):
            return _MAKING_MODULES & {module.partition(".")[0]}
        case _:
            return frozenset()


_MATCHERS: Final = frozenset("compile findall finditer fullmatch match search split sub subn".split())


def _pattern(path: str, tree: ast.AST) -> Iterator[Finding]:
    """In a function a pattern has constants in it and nothing else; outside of them nobody has sent anything yet."""
    if not path.startswith("chalicelib/"):
        return
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    for call in (node for function in functions for node in ast.walk(function)):
        match call:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=name), args=[given, *_]) if (
                name in _MATCHERS and not _is_written_out(given)
            ):
                yield Finding(path, _line(call), "pattern", "text of others in a pattern goes through re.escape")


def _is_written_out(pattern: ast.AST) -> bool:
    names = [node.id for node in ast.walk(pattern) if isinstance(node, ast.Name)]
    escaped = any(isinstance(node, ast.Attribute) and node.attr == "escape" for node in ast.walk(pattern))
    return escaped or all(name.isupper() for name in names)


_REQUEST_PARTS: Final = frozenset(
    {"ConditionExpression", "ExpressionAttributeValues", "Item", "Key", "KeyConditionExpression", "UpdateExpression"}
)
_KEEPERS: Final = ("chalicelib/storage/", "chalicelib/events/store/")


def _key(path: str, tree: ast.AST) -> Iterator[Finding]:
    if not path.startswith("chalicelib/") or path.startswith(_KEEPERS):
        return
    for node in ast.walk(tree):
        parts = {key.value for key in node.keys if isinstance(key, ast.Constant)} if isinstance(node, ast.Dict) else ()
        for part in sorted(_REQUEST_PARTS.intersection(map(str, parts))):
            yield Finding(path, _line(node), "key", f"a DynamoDB request's {part} outside storage and events/store")


_DOOR: Final = "chalicelib/web/"


def _request(path: str, tree: ast.AST) -> Iterator[Finding]:
    if path.startswith("chalicelib/") and not path.startswith(_DOOR):
        for node in _request_reads(tree):
            yield Finding(path, _line(node), "request", "the global request is read in web only")


def request_readers(sources: Iterable[tuple[str, str]]) -> list[Finding]:
    """The functions of the door that read the global request, if they are more than one."""
    readers = [
        Finding(
            path, _line(function), "request", f"{function.name} is not the only function that reads the global request"
        )
        for path, text in sources
        if path.startswith(_DOOR) and path.endswith(".py")
        for function in ast.walk(ast.parse(text, path))
        if isinstance(function, ast.FunctionDef) and _request_reads(function)
    ]
    return readers if len(readers) > 1 else []


def _request_reads(tree: ast.AST) -> list[ast.AST]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "current_request"]


_PYTHON_RULES: Final[tuple[Callable[[str, ast.AST], Iterator[Finding]], ...]] = (
    _scan, _digest, _code, _pattern, _key, _request,
)  # fmt: skip


def _name(node: ast.AST) -> str:
    """The last name of an expression: `digest` of `grant.digest`, of `digest()` and of `row["digest"]`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=function):
            return _name(function)
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
        case _:
            return ""


def _line(node: ast.AST) -> int:
    return int(getattr(node, "lineno", 1))


class _InlineMarkup(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, str]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        names = dict(attributes)
        if tag == "style" or (tag == "script" and "src" not in names):
            self._add(f"<{tag}> with its content on the page")
        for name, value in attributes:
            if name == "style" or name.startswith("on") or (value or "").strip().lower().startswith("javascript:"):
                self._add(f'{name}="…" on <{tag}>')

    def _add(self, message: str) -> None:
        self.found.append((self.getpos()[0], message))


def _markup(path: str, text: str) -> Iterator[Finding]:
    parser = _InlineMarkup()
    parser.feed(text)
    for line, message in parser.found:
        yield Finding(path, line, "markup", message)


_SWITCHED_OFF: Final = re.compile(r"\|\s*safe\b|\{%-?\s*autoescape\b|\bMarkup\b")


def _raw(path: str, text: str) -> Iterator[Finding]:
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _SWITCHED_OFF.search(line):
            yield Finding(path, number, "raw", f"{found[0]!r} shows text as markup")


# Written so that none of them is itself a mention of what it finds.
_OUTSIDE: Final = re.compile(
    r"(?<![\w.:/-])(?:[.]{2}/shared\b|/(?:work|root|Users)/|/home/(?!app\b|user\b)\w+/|/t[m]p/)"
    r"|registry[.]npmjs|\bpypi[.]org|files[.]pythonhosted|deb[.]debian[.]org|proxy[.]golang|\bcrates[.]io"
)


def _places(path: str, text: str) -> Iterator[Finding]:
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _OUTSIDE.search(line):
            yield Finding(path, number, "place", f"names {found[0]!r}, a place outside the project")


def _excused(finding: Finding, lines: list[str]) -> bool:
    line = lines[finding.line - 1] if finding.line <= len(lines) else ""
    return f"# {finding.rule}: " in line


def files() -> Iterator[tuple[str, str]]:
    """Every text file that is or would be committed: its path from the root, and its text."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        path = ROOT / name
        if path.is_file():
            try:
                yield name, path.read_text()
            except UnicodeDecodeError:
                continue  # not a text


def main() -> int:
    """Prints every finding in the project. Returns 1 if there is one."""
    sources = list(files())
    found = sorted(finding for name, text in sources for finding in findings(name, text))
    found += request_readers(sources) + route_conflicts(_resources())
    print(*found, sep="\n", end="\n" if found else "")
    print(f"House rules: {len(found) or 'no'} findings.")
    return 1 if found else 0


def _resources() -> Iterable[str]:
    """The paths that the app declares. Importing it needs no settings: they are read at the first request."""
    from app import app

    return list(app.routes)


if __name__ == "__main__":
    sys.exit(main())
