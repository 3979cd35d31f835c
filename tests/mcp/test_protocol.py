"""One message in, one answer out: what is refused, with which code and status, and that any bytes get an answer."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.mcp.headers import decoded
from chalicelib.mcp.protocol import LARGEST, answer
from chalicelib.mcp.registry import Registry, Tool, ToolAnswer
from chalicelib.mcp.versions import CAPABILITIES_KEY, LEGACY, MODERN, VERSION_KEY
from chalicelib.storage.errors import StoreUnavailable
from tests.mcp import published
from tests.mcp.world import META, document, legacy, modern, server

SHAPE = {"type": "object", "properties": {}, "additionalProperties": False}


def offering(call) -> Registry:
    tool = Tool(name="try", title="Try", description="Tries.", input_schema=SHAPE, call=call)
    return Registry(tools=(tool,))


def says(text: str):
    return lambda arguments, context: ToolAnswer(content=[{"type": "text", "text": text}], rows=3)


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("M3")
@pytest.mark.parametrize(
    ("content", "status", "code", "id_told"),
    [
        (b"", 400, -32700, None),
        (b"{", 400, -32700, None),
        (b"\xff\xfe", 400, -32700, None),
        (b'{"a":NaN}', 400, -32700, None),
        (b'"\\ud800"', 400, -32700, None),
        (b"[" * 200_000, 400, -32700, None),
        (b'{"a":' * 40_000, 400, -32700, None),
        (b"9" * 10_000, 400, -32700, None),
        (b" " * (LARGEST + 1), 413, -32600, None),
        (b"[]", 400, -32600, None),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', 400, -32600, None),
        (b"null", 400, -32600, None),
        (b'"ping"', 400, -32600, None),
        (b"{}", 400, -32600, None),
        (b'{"jsonrpc":"1.0","id":3,"method":"ping"}', 400, -32600, 3),
        (b'{"id":"x","method":"ping"}', 400, -32600, "x"),
        (b'{"jsonrpc":"2.0","id":3}', 400, -32600, 3),
        (b'{"jsonrpc":"2.0","id":3,"result":{}}', 400, -32600, 3),
        (b'{"jsonrpc":"2.0","id":3,"method":7}', 400, -32600, 3),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', 400, -32600, None),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', 400, -32600, None),
        (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', 400, -32600, None),
        (b'{"jsonrpc":"2.0","id":[1],"method":"ping"}', 400, -32600, None),
        (b'{"jsonrpc":"2.0","id":3,"method":"ping","params":[]}', 400, -32602, 3),
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused_with_its_id_where_it_has_one(content, status, code, id_told):
    reply = answer(content, {}, server())
    assert (reply.status, document(reply)["error"]["code"]) == (status, code)
    assert document(reply).get("id") == id_told
    assert reply.outcome == "refused"
    published.check_answer(published.MODERN, "", document(reply))


@pytest.mark.parametrize("message_id", [0, -1, 2**70, "", "ü", "x" * 300])
def test_an_id_comes_back_as_it_was(message_id):
    content = json.dumps({"jsonrpc": "2.0", "id": message_id, "method": "ping"}).encode()
    assert document(answer(content, {}, server()))["id"] == message_id


def test_the_last_of_two_equal_keys_counts():
    content = b'{"jsonrpc":"2.0","id":1,"id":2,"method":"x","method":"ping"}'
    assert document(answer(content, {}, server())) == {"jsonrpc": "2.0", "id": 2, "result": {}}


@pytest.mark.requirement("M3")
@pytest.mark.parametrize("method", ["notifications/initialized", "notifications/cancelled", "tools/call", "nonsense"])
@pytest.mark.parametrize("headers", [{}, {"mcp-protocol-version": MODERN[0]}, {"mcp-protocol-version": LEGACY[0]}])
def test_a_notification_is_accepted_and_nothing_follows(method, headers):
    ran = []
    registry = offering(lambda arguments, context: ran.append(1))
    content = json.dumps({"jsonrpc": "2.0", "method": method, "params": {"name": "try"}}).encode()
    reply = answer(content, headers, server(registry=registry))
    assert (reply.status, reply.body) == (202, None)
    assert not ran


def test_a_notification_of_an_unknown_version_is_refused():
    content = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'
    reply = answer(content, {"mcp-protocol-version": "2099-01-01"}, server())
    assert (reply.status, document(reply)["error"]["code"]) == (400, -32022)


# --- the modern ladder ------------------------------------------------------------------------------------------------


def without(*keys: str) -> dict:
    return {"meta": dict.fromkeys(keys)}


@pytest.mark.requirement("M2")
@pytest.mark.parametrize(
    ("message", "status", "code"),
    [
        (modern("server/discover", **without(VERSION_KEY, CAPABILITIES_KEY)), 400, -32602),
        (modern("tools/list", **without(VERSION_KEY)), 400, -32602),
        (modern("tools/list", **without(CAPABILITIES_KEY)), 400, -32602),
        (modern("tools/list", meta={CAPABILITIES_KEY: []}), 400, -32602),
        (modern("tools/list", message={"params": {"_meta": 5}}), 400, -32602),
        (modern("tools/list", message={"params": None}), 400, -32602),
        (modern("tools/list", headers={"mcp-protocol-version": None}), 400, -32020),
        (modern("tools/list", headers={"mcp-protocol-version": LEGACY[0]}), 400, -32020),
        (modern("tools/list", meta={VERSION_KEY: "v999"}), 400, -32020),
        (modern("tools/list", meta={VERSION_KEY: 20260728}), 400, -32020),
        (modern("tools/list", meta={VERSION_KEY: "v999"}, headers={"mcp-protocol-version": "v999"}), 400, -32022),
        (modern("tools/list", meta={VERSION_KEY: LEGACY[0]}, headers={"mcp-protocol-version": LEGACY[0]}), 400, -32022),
        (modern("tools/list", headers={"mcp-method": None}), 400, -32020),
        (modern("tools/list", headers={"mcp-method": "tools/call"}), 400, -32020),
        (modern("tools/list", headers={"mcp-method": "TOOLS/LIST"}), 400, -32020),
        (modern("unknown", headers={"mcp-method": "other"}), 400, -32020),
        (modern("tools/call", {"name": "try"}, headers={"mcp-name": None}), 400, -32020),
        (modern("tools/call", {"name": "try"}, headers={"mcp-name": "Try"}), 400, -32020),
        (modern("tools/call", {"name": "try"}, headers={"mcp-name": "=?base64?!!?="}), 400, -32020),
        (modern("prompts/get", {"name": "a"}, headers={"mcp-name": "b"}), 400, -32020),
        (modern("resources/read", {"uri": "a:b"}, headers={"mcp-name": "a:c"}), 400, -32020),
        (modern("tools/call", {"name": 5}, headers={"mcp-name": "5"}), 400, -32020),
        (modern("tools/call", {"name": None}, headers={"mcp-name": None}), 400, -32602),
        (modern("tools/call", {"name": "tyr"}), 400, -32602),
        (modern("tools/list", {"cursor": "x"}), 400, -32602),
        (modern("prompts/list"), 404, -32601),
        (modern("resources/read", {"uri": "a:b"}), 404, -32601),
        (modern("subscriptions/listen"), 404, -32601),
        (modern("tools/list"), 200, None),
        (modern("tools/call", {"name": "try"}), 200, None),
        (modern("tools/call", {"name": "try", "arguments": None}), 200, None),
        (modern("tools/call", {"name": "try"}, headers={"mcp-name": "  try\t"}), 200, None),
        (modern("tools/call", {"name": "try"}, headers={"mcp-name": "=?base64?dHJ5?="}), 200, None),
        (modern("tools/list", headers={"accept": "text/html"}), 200, None),
        (modern("tools/list", meta={"io.modelcontextprotocol/clientInfo": None}), 200, None),
    ],
)  # fmt: skip
def test_a_modern_message_is_checked_step_by_step(message, status, code):
    reply = answer(*message, server(registry=offering(says("done"))))
    told = document(reply)
    assert (reply.status, told.get("error", {}).get("code")) == (status, code)
    assert told["id"] == 7
    assert (reply.outcome == "ok") == (code is None)
    published.check_answer(published.MODERN, json.loads(message[0])["method"], told)


@pytest.mark.requirement("M2")
def test_an_unsupported_version_is_answered_with_the_ones_that_discover_tells():
    message = modern("tools/list", meta={VERSION_KEY: "v999"}, headers={"mcp-protocol-version": "v999"})
    told = document(answer(*message, server()))["error"]["data"]
    discovered = document(answer(*modern("server/discover"), server()))["result"]["supportedVersions"]
    assert told == {"supported": discovered, "requested": "v999"}


@pytest.mark.parametrize(
    ("value", "meant"),
    [("a", "a"), (" a\t", "a"), ("=?base64?w7w=?=", "ü"), ("=?base64?w7w?=", None), ("=?base64?/w==?=", None),
     ("=?base64?w7w=", "=?base64?w7w="), ("w7w=", "w7w="), ("=?base64??=", ""), ("=?BASE64?w7w=?=", "=?BASE64?w7w=?=")],
)  # fmt: skip
def test_a_header_stands_for_itself_or_for_what_its_wrapping_holds(value, meant):
    assert decoded(value) == meant


@pytest.mark.requirement("M2")
def test_a_name_that_no_header_can_hold_is_compared_unwrapped():
    tool = Tool(name="größe", title="", description="", input_schema=SHAPE, call=says("yes"))
    message = modern("tools/call", {"name": "größe"}, headers={"mcp-name": "=?base64?Z3LDtsOfZQ==?="})
    assert answer(*message, server(registry=Registry(tools=(tool,)))).status == 200


# --- results ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("M3")
@pytest.mark.parametrize(
    ("method", "params"),
    [("server/discover", {}), ("tools/list", {}), ("resources/list", {}), ("resources/templates/list", {}),
     ("prompts/list", {}), ("resources/read", {"uri": "scrywatch://schema"}),
     ("resources/read", {"uri": "scrywatch://query-language"}), ("prompts/get", {"name": "explain_what_changed"}),
     ("prompts/get", {"name": "investigate_error_spike", "arguments": {"since": "2h", "service": "a\nb"}})],
)  # fmt: skip
def test_a_modern_result_names_its_type_its_server_and_how_long_it_holds(method, params):
    reply = answer(*modern(method, params), server())
    result = document(reply)["result"]
    assert result["resultType"] == "complete"
    assert result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "scrywatch"
    kept = {"ttlMs": result.get("ttlMs"), "cacheScope": result.get("cacheScope")}
    assert kept == ({"ttlMs": None, "cacheScope": None} if method == "prompts/get" else
                    {"ttlMs": 3_600_000, "cacheScope": "private"})  # fmt: skip
    published.check_answer(published.MODERN, method, document(reply))
    told = document(answer(*legacy(method, params), server())) if method != "server/discover" else None
    if told:
        assert {"resultType", "ttlMs", "cacheScope", "_meta"}.isdisjoint(told["result"])
        published.check_answer(published.LEGACY, method, told)


@pytest.mark.requirement("M2")
def test_an_unknown_tool_prompt_or_resource_is_named_with_what_there_is():
    cases = [
        ("tools/call", {"name": "search_event"}, "did you mean `search_events`?"),
        ("prompts/get", {"name": "explain"}, "explain_what_changed"),
        ("resources/read", {"uri": "scrywatch://x"}, "scrywatch://schema"),
    ]
    for method, params, told in cases:
        error = document(answer(*modern(method, params), server()))["error"]
        assert error["code"] == -32602
        assert told in error["message"]
    assert error["data"] == {"uri": "scrywatch://x"}


@pytest.mark.requirement("M2")
@pytest.mark.parametrize("arguments", [{"x": 1}, [], "text", {"q": "sevice:x"}, {"limit": 0}, {"cursor": "nonsense"}])
def test_bad_arguments_are_a_result_that_a_model_can_mend(arguments):
    reply = answer(*modern("tools/call", {"name": "search_events", "arguments": arguments}), server())
    result = document(reply)["result"]
    assert (reply.status, result["isError"], reply.outcome) == (200, True, "error")
    published.check_answer(published.MODERN, "tools/call", document(reply))


def test_a_store_that_does_not_answer_is_told_to_the_model_with_when_to_come_again():
    def fail(arguments, context):
        raise StoreUnavailable("no answer in time")

    reply = answer(*modern("tools/call", {"name": "try"}), server(registry=offering(fail)))
    assert reply.status == 200
    assert int(reply.headers["Retry-After"]) > 0
    assert document(reply)["result"]["isError"] is True
    assert f"in {reply.headers['Retry-After']} s" in document(reply)["result"]["content"][0]["text"]


@pytest.mark.requirement("I10")
@pytest.mark.parametrize("speak", [modern, legacy])
def test_a_fault_is_answered_logged_and_tells_nothing(speak, caplog):
    def fail(arguments, context):
        raise RuntimeError("the database password is hunter2")

    reply = answer(*speak("tools/call", {"name": "try"}), server(registry=offering(fail)))
    assert (reply.status, document(reply)["error"]["code"], reply.outcome) == (500, -32603, "error")
    assert b"hunter2" not in reply.body
    assert "an MCP request ended in a fault" in caplog.text


def test_completions_are_answered_where_a_registry_offers_them():
    registry = Registry(complete=lambda reference, argument: [argument["value"] + "a", "b"])
    asked = {"ref": {"type": "ref/prompt", "name": "x"}, "argument": {"name": "n", "value": "p"}}
    told = document(answer(*modern("completion/complete", asked), server(registry=registry)))
    assert told["result"]["completion"] == {"values": ["pa", "b"], "total": 2, "hasMore": False}
    published.check_answer(published.MODERN, "completion/complete", told)


@pytest.mark.requirement("O28")
@pytest.mark.parametrize(
    ("message", "what", "outcome", "rows"),
    [
        (modern("tools/call", {"name": "try"}), "try", "ok", 3),
        (modern("tools/list"), "tools/list", "ok", 0),
        (modern("tools/call", {"name": "x" * 500}), "x" * 60 + "…[+440 characters]", "refused", 0),
        (modern("a\nb\x1b[31m"), "a\\nb", "refused", 0),
        ((b"nonsense", {}), "unreadable", "refused", 0),
        (legacy("ping", {}), "ping", "ok", 0),
    ],
)  # fmt: skip
def test_a_reply_says_what_was_asked_and_how_it_went(message, what, outcome, rows):
    reply = answer(*message, server(registry=offering(says("done"))))
    assert (reply.what, reply.outcome, reply.rows) == (what, outcome, rows)
    assert len(reply.what) <= 80


# --- any bytes --------------------------------------------------------------------------------------------------------

METHODS = st.sampled_from(
    ("initialize", "ping", "server/discover", "tools/list", "tools/call", "resources/list", "resources/read",
     "prompts/list", "prompts/get", "completion/complete", "notifications/x", "")
) | st.text(max_size=8)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
PARAMS = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {},
        optional={
            "_meta": st.just(META) | VALUES, "name": st.sampled_from(("try", "search_events")) | VALUES,
            "uri": st.just("scrywatch://schema") | VALUES, "arguments": VALUES, "cursor": VALUES, "ref": VALUES,
            "protocolVersion": VALUES,
        },
    ),
)  # fmt: skip
MESSAGES = st.fixed_dictionaries(
    {}, optional={"jsonrpc": st.just("2.0") | VALUES, "id": VALUES, "method": METHODS | VALUES, "params": PARAMS}
)
HEADERS = st.dictionaries(
    st.sampled_from(("mcp-protocol-version", "mcp-method", "mcp-name")),
    st.sampled_from((*MODERN, *LEGACY, "tools/call", "try", "=?base64?dHJ5?=", "")) | st.text(max_size=9),
)


@pytest.mark.requirement("I9", "M3")
@given(st.binary(max_size=200) | MESSAGES.map(lambda each: json.dumps(each).encode()), HEADERS)
def test_any_bytes_get_a_valid_answer_and_never_a_fault(content, headers):
    reply = answer(content, headers, server(registry=offering(says("done"))))
    assert reply.status in (200, 202, 400, 404, 413)
    if reply.status == 202:
        assert reply.body is None
        return
    told = msgspec.json.decode(reply.body)
    assert told["jsonrpc"] == "2.0"
    assert ("result" in told) != ("error" in told)
    if "error" in told:
        published.check(published.MODERN, "JSONRPCErrorResponse", told)
        assert set(told["error"]) <= {"code", "message", "data"}
        assert "broke" not in told["error"]["message"]
