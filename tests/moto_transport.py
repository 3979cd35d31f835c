"""Carries the product's DynamoDB requests to moto in this process, by the way that moto itself meets botocore's."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.awsrequest import AWSPreparedRequest
from moto import mock_aws
from moto.core.models import botocore_stubber

from chalicelib.storage.dynamodb import Reply


def _to_moto(endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
    request = AWSPreparedRequest("POST", f"{endpoint}/", {**headers}, body, stream_output=False)
    response = botocore_stubber("before-send.dynamodb", request)
    assert response is not None, f"moto does not know {endpoint}"
    return Reply(response.status_code, response.content)


@contextmanager
def in_process_dynamodb() -> Iterator[object]:
    with mock_aws():
        yield _to_moto
