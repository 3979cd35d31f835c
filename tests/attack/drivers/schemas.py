"""Makes requests from a description of an API with Schemathesis, sends each as everybody listed, and judges answers.

It reads its task from standard input and writes one JSON object: how many answers each had by status, and each failure
once. Nothing is shrunk: what fails is told with the request that shows it.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ORDER = ["GET", "HEAD", "OPTIONS", "POST", "PATCH", "PUT", "DELETE"]
"""What ends something comes after what needs it."""
PATIENCE = 2
"""Who is refused that often is not sent again: the rest of the requests would meet the same."""
SECONDS = 60
TOO_LONG_TO_READ = 414
"""Says the HTTP server of the local gateway, which reads 64 KB of a request line; nothing of ours says so."""

SPOKEN = ("application/csp-report", "application/reports+json", "application/x-ndjson")
"""Media types of JSON that are not known as such."""

TASK = json.load(sys.stdin)
answers: dict[str, Counter[str]] = {}
failures: dict[tuple[str, str, str], str] = {}


def main() -> None:
    for media_type in SPOKEN:
        schemathesis.serializer(media_type)(lambda _, value: json.dumps(value, default=str).encode())
    prepared = [(operation, list(cases(operation))) for operation in operations()]
    for who in TASK["who"]:
        with requests.Session() as session:
            for operation, made in prepared:
                attack(operation, made, who, session)
    told = [{"who": who, "route": where, "what": what, "text": text} for (who, where, what), text in failures.items()]
    json.dump(
        {"answers": answers, "failures": told, "untried": [op.label for op, made in prepared if not made]}, sys.stdout
    )


def operations() -> list[Any]:
    described = schemathesis.openapi.from_dict(TASK["document"]).get_all_operations()
    return sorted(
        (each.ok() for each in described),
        key=lambda each: (each.path in TASK["last"], ORDER.index(each.method.upper()), each.path),
    )


def cases(operation: Any) -> Iterator[Any]:
    """Half of them as the description wants them, half as it does not; half of each name what there is."""
    named = TASK["parameters"].get(operation.path, {})
    for mode in modes(operation):
        for number, case in enumerate(generated(operation, mode)):
            if number % 2 == 0:
                case.path_parameters = {**(case.path_parameters or {}), **named}
            yield case


def modes(operation: Any) -> list[Any]:
    """What names something in its path, and no more, can say nothing wrong."""
    reads = len(operation.query) + len(operation.body)
    return [GenerationMode.POSITIVE, GenerationMode.NEGATIVE] if reads else [GenerationMode.POSITIVE]


def generated(operation: Any, mode: Any) -> list[Any]:
    """Nothing, where nothing that is sent can be wrong."""
    made: list[Any] = []
    limited = settings(
        max_examples=TASK["examples"], database=None, deadline=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    try:
        limited(given(operation.as_strategy(generation_mode=mode))(lambda case: made.append(case)))()
    except Unsatisfiable:
        return made
    return made


def attack(operation: Any, made: list[Any], who: dict[str, Any], session: requests.Session) -> None:
    refused = 0
    for case in made:
        answer = case.call(
            TASK["url"], session, who["headers"], allow_redirects=False, timeout=SECONDS
        )  # fmt: skip
        judge(operation, case, answer, who)
        refused += answer.status_code in (401, 403)
        if refused == PATIENCE:
            return


def judge(operation: Any, case: Any, answer: Any, who: dict[str, Any]) -> None:
    def failed(what: str, text: str) -> None:
        request = f"{answer.request.method} {answer.request.url[:500]} {str(answer.request.body)[:500]}"
        failures.setdefault(
            (who["name"], operation.label, what), f"{text}\n{request}\n{answer.status_code} {answer.text[:500]}"
        )

    kind = answer.headers.get("x-amzn-errortype")
    if kind or answer.status_code == TOO_LONG_TO_READ:
        answers.setdefault(who["name"], Counter())[kind[0] if kind else "URITooLong"] += 1
        return
    answers.setdefault(who["name"], Counter())[str(answer.status_code)] += 1
    for name, value in TASK["headers"].items():
        if answer.headers.get(name.lower()) != [value]:
            failed(f"lacks {name}", "")
    for never in who["never"]:
        if never.encode() in answer.content:
            failed(f"told {never}", "")
    try:
        case.validate_response(answer, checks=CHECKS)
    except FailureGroup as group:
        for each in group.exceptions:
            failed(each.title, each.message)


main()
