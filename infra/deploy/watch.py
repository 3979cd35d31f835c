"""What watches over the functions, as CloudFormation resources: log groups that end, and alarms that mean something.

An alarm is something to get up for, and its description says what it means and where to look. Each is one metric of
$0.10 a month. Metrics come from AWS, from the journal (`chalicelib.journal`), or are counted in the security log.
"""

from typing import Any, Final

from chalicelib import journal
from infra.deploy.stage import API, Function, Stage

Resource = dict[str, Any]

MINUTE: Final = 60
TOPIC: Final = "Alarms"


def resources(stage: Stage) -> dict[str, Resource]:
    """By logical name."""
    return _logs(stage) | _counted_lines(stage) | _topic(stage) | _alarms(stage)


def _logs(stage: Stage) -> dict[str, Resource]:
    """Functions may write into these and make no others, which would never end."""
    return {f"{_logical(each)}Log": _log(each.log_group, stage) for each in stage.functions}


def _log(name: str, stage: Stage) -> Resource:
    properties = {"LogGroupName": name, "RetentionInDays": stage.choices.log_days, "Tags": stage.tags}
    return {"Type": "AWS::Logs::LogGroup", "DeletionPolicy": "Delete", "Properties": properties}


COUNTED_LINES: Final = {
    "Faults": '{ $.event = "fault" }',
    "SignInsRefused": '{ $.event = "refused" && $.problem = "sign-in" }',
}
"""Metrics that are counted in the API's log: lines of the security log, which say more when somebody looks."""


def _counted_lines(stage: Stage) -> dict[str, Resource]:
    log = next(f"{_logical(each)}Log" for each in stage.functions if each.name == API)
    return {
        f"{name}Filter": {
            "Type": "AWS::Logs::MetricFilter",
            "Properties": {
                "LogGroupName": {"Ref": log},
                "FilterPattern": pattern,
                "MetricTransformations": [
                    {"MetricName": f"{name}-{stage.name}", "MetricNamespace": journal.NAMESPACE, "MetricValue": "1"}
                ],
            },
        }
        for name, pattern in COUNTED_LINES.items()
    }


def _topic(stage: Stage) -> dict[str, Resource]:
    properties: Resource = {"TopicName": f"{stage.prefix}-alarms", "Tags": stage.tags}
    if stage.choices.alarm_email:
        properties["Subscription"] = [{"Protocol": "email", "Endpoint": stage.choices.alarm_email}]
    return {TOPIC: {"Type": "AWS::SNS::Topic", "Properties": properties}}


# --- alarms -----------------------------------------------------------------------------------------------------------


def _alarms(stage: Stage) -> dict[str, Resource]:
    alarms = _of_requests(stage) | _of_the_store(stage) | _of_the_purge(stage)
    for function in stage.functions:
        alarms |= _of_function(function)
    return {f"{name}Alarm": _alarm(name, stage, said) for name, said in alarms.items()}


def _of_requests(stage: Stage) -> dict[str, Resource]:
    gateway = {"ApiName": stage.app, "Stage": stage.gateway_stage}
    return {
        "GatewayFaults": {
            "AlarmDescription": "Requests were answered with 5xx: 503 is the store (see its alarms), 500 is ours (look "
            'for "fault" in the log of the API), 502 and 504 are a function that crashed or took too long.',
            "Namespace": "AWS/ApiGateway",
            "MetricName": "5XXError",
            "Dimensions": _dimensions(gateway),
            "Statistic": "Sum",
            **_at_least(10, minutes=5, periods=3, of=2),
        },
        "Faults": {
            "AlarmDescription": 'Something broke that nobody foresaw: a line "fault" in the log of the API.',
            "Namespace": journal.NAMESPACE,
            "MetricName": f"Faults-{stage.name}",
            "Statistic": "Sum",
            **_at_least(1, minutes=5),
        },
        "SignInsRefused": {
            "AlarmDescription": "Somebody guesses passwords: many sign-ins were refused. Limits hold. The log of the "
            "API says from where: refused, sign-in.",
            "Namespace": journal.NAMESPACE,
            "MetricName": f"SignInsRefused-{stage.name}",
            "Statistic": "Sum",
            **_at_least(200, minutes=5),
        },
        "SlowIngest": {
            "AlarmDescription": "One batch in a hundred takes longer than 4 s; clients wait for 5, then send again.",
            **_of_journal(stage, "IngestMilliseconds"),
            "ExtendedStatistic": "p99",
            **_at_least(4000, minutes=5, periods=3, of=3),
        },
    }


def _of_the_store(stage: Stage) -> dict[str, Resource]:
    return {
        "StoreThrottles": {
            "AlarmDescription": "DynamoDB refuses calls for being too many, and goes on doing so: a partition is too "
            "hot, or a table at its limit. Busy projects get more shards by themselves within an hour or two.",
            **_of_journal(stage, "StoreThrottles"),
            "Statistic": "Sum",
            **_at_least(50, minutes=5, periods=6, of=6),
        },
        "UpkeepLag": {
            "AlarmDescription": "Events wait for upkeep for more than three hours longer than they should: queries "
            "read more than they need. The log of the upkeep says why.",
            **_of_journal(stage, "UpkeepLag"),
            "Statistic": "Maximum",
            **_at_least(3 * 60 * MINUTE, minutes=15, periods=2, of=2),
        },
        "UpkeepFailed": {
            "AlarmDescription": "Projects were left out by the upkeep run after run. Its log has a trace for each.",
            **_of_journal(stage, "UpkeepFailed"),
            "Statistic": "Sum",
            **_at_least(1, minutes=15, periods=4, of=4),
        },
    }


def _of_the_purge(stage: Stage) -> dict[str, Resource]:
    return {
        "PurgeLag": {
            "AlarmDescription": "Something that was deleted is not gone for good six hours later. The log of the "
            "purge says why.",
            **_of_journal(stage, "PurgeLag"),
            "Statistic": "Maximum",
            **_at_least(1, minutes=15, periods=2, of=2),
        },
        "PurgeFailed": {
            "AlarmDescription": "Erasures, or purges of projects, fail run after run. The log has a trace for each.",
            **_of_journal(stage, "PurgeFailed"),
            "Statistic": "Sum",
            **_at_least(1, minutes=15, periods=4, of=4),
        },
    }


def _of_function(function: Function) -> dict[str, Resource]:
    name = _logical(function)
    invoked = {"Namespace": "AWS/Lambda", "Dimensions": _dimensions({"FunctionName": function.full_name})}
    alarms: dict[str, Resource] = {
        f"{name}Errors": {
            "AlarmDescription": f"{function.full_name} does not start, crashes or takes too long. Its log says which.",
            **invoked,
            "MetricName": "Errors",
            "Statistic": "Sum",
            **_at_least(3, minutes=15),
        },
        f"{name}Throttles": {
            "AlarmDescription": f"{function.full_name} is called more often at once than its reserved concurrency, or "
            "the account's, allows: clients are refused and send again.",
            **invoked,
            "MetricName": "Throttles",
            "Statistic": "Sum",
            **_at_least(10, minutes=5, periods=3, of=2),
        },
    }
    if function.every_seconds:
        period = max(MINUTE, int(function.every_seconds) * 4 // MINUTE * MINUTE)
        alarms[f"{name}NotRun"] = {
            "AlarmDescription": f"{function.full_name} was not called for four turns. Is its rule there and enabled?",
            **invoked,
            "MetricName": "Invocations",
            "Statistic": "Sum",
            "ComparisonOperator": "LessThanThreshold",
            "Threshold": 1,
            "Period": min(period, 86_400),
            "EvaluationPeriods": 1,
            "TreatMissingData": "breaching",
        }
    return alarms


def _alarm(name: str, stage: Stage, said: Resource) -> Resource:
    properties = {
        "AlarmName": f"{stage.prefix} {name}",
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [{"Ref": TOPIC}],
        "OKActions": [{"Ref": TOPIC}],
        **said,
    }
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}


def _of_journal(stage: Stage, metric: str) -> Resource:
    return {
        "Namespace": journal.NAMESPACE,
        "MetricName": metric,
        "Dimensions": _dimensions({journal.DIMENSION: stage.name}),
    }


def _at_least(threshold: float, *, minutes: int, periods: int = 1, of: int = 1) -> Resource:
    """`of` out of `periods` in a row."""
    return {
        "Threshold": threshold,
        "Period": minutes * MINUTE,
        "EvaluationPeriods": periods,
        "DatapointsToAlarm": of,
    }


def _dimensions(named: dict[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in named.items()]


def _logical(function: Function) -> str:
    return "".join(part.capitalize() for part in function.name.split("_"))
