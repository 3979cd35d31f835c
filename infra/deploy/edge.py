"""A distribution in front of the gateway: optional, for clients that look for `WWW-Authenticate` and nowhere else.

API Gateway renames that header of its functions' answers. CloudFront Functions are not called for answers of 400 and
above, so a function at the edge (Lambda@Edge, for answers of the origin) gives it its name back. Its stack belongs into
us-east-1, wherever the gateway is.

Behind it the gateway sees the distribution's addresses, not the clients': limits by source then count many clients as
one. Whoever needs both keeps a custom domain for people and senders, and gives the distribution's to assistants.
"""

from typing import Any, Final

from infra.deploy.stage import Stage

RENAMING: Final = """\
PREFIX = "x-amzn-remapped-"
NAMES = {"www-authenticate": "WWW-Authenticate"}


def handler(event, context):
    response = event["Records"][0]["cf"]["response"]
    for name, spelled in NAMES.items():
        renamed = response["headers"].pop(PREFIX + name, None)
        if renamed:
            response["headers"][name] = [{"key": spelled, "value": each["value"]} for each in renamed]
    return response
"""
"""Runs at the edge: there are no variables, no layers and no packages."""

RUNTIME: Final = "python3.13"

# AWS's own policies: nothing is kept, and everything but `Host` goes on to the origin.
CACHING_DISABLED: Final = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_BUT_HOST: Final = "b689b0a8-53d0-40ab-baf2-68738e2966ac"

METHODS: Final = ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"]


REGION: Final = "us-east-1"
"""Where AWS wants whatever runs at the edge."""

ADDRESS: Final = "Address"


def stack(stage: Stage) -> str:
    return f"{stage.prefix}-edge"


def template(stage: Stage, *, api: str, region: str) -> dict[str, Any]:
    """A stack for us-east-1. `api` is the id of the deployed REST API, in that region."""
    origin = {
        "Id": "gateway",
        "DomainName": f"{api}.execute-api.{region}.amazonaws.com",
        "OriginPath": f"/{stage.gateway_stage}",
        "CustomOriginConfig": {"OriginProtocolPolicy": "https-only", "OriginSSLProtocols": ["TLSv1.2"]},
    }
    behaviour = {
        "TargetOriginId": "gateway",
        "ViewerProtocolPolicy": "https-only",
        "AllowedMethods": METHODS,
        "Compress": False,
        "CachePolicyId": CACHING_DISABLED,
        "OriginRequestPolicyId": ALL_BUT_HOST,
        "LambdaFunctionAssociations": [
            {"EventType": "origin-response", "LambdaFunctionARN": {"Ref": "RenamingVersion"}},
        ],
    }
    distribution = {
        "Enabled": True,
        "Comment": stage.prefix,
        "HttpVersion": "http2and3",
        "IPV6Enabled": True,
        "Origins": [origin],
        "DefaultCacheBehavior": behaviour,
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Scrywatch, {stage.name}: a distribution",
        "Resources": {
            "RenamingRole": _role(),
            "Renaming": _function(),
            "RenamingVersion": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Renaming"}}},
            "Distribution": {
                "Type": "AWS::CloudFront::Distribution",
                "Properties": {"DistributionConfig": distribution, "Tags": stage.tags},
            },
        },
        "Outputs": {ADDRESS: {"Value": {"Fn::GetAtt": ["Distribution", "DomainName"]}}},
    }


def _role() -> dict[str, Any]:
    """It may do nothing: not even write a log."""
    who = {"Service": ["lambda.amazonaws.com", "edgelambda.amazonaws.com"]}
    trust = {"Effect": "Allow", "Principal": who, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": document}}


def _function() -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": RUNTIME,
            "Handler": "index.handler",
            "MemorySize": 128,
            "Timeout": 2,
            "Role": {"Fn::GetAtt": ["RenamingRole", "Arn"]},
            "Code": {"ZipFile": RENAMING},
        },
    }
