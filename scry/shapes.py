"""The shapes that lines of text come in, as tables of patterns: what each says of time, level and origin.

A line is read in two steps. Most begin with a time (`LEAD`) and go on with one of `HEADS`; the few that begin with
something else stand whole in `WHOLE`. Groups of these names are fields of the event, a group that begins with `time_`
is a time of that format, and every other named group goes to the metadata:

    level   letter   mark   priority   program   http_*   message

A level is cut off the message only where it cannot be a word of the message: in brackets, before a colon, or shouted.
"""

import re
from typing import Final

from scry.levels import LEVEL_OF, WORD
from scry.times import FORMATS, LEADING

_LEVEL = rf"(?P<level>(?i:{WORD}))"
_PROSE = frozenset({"log", "config", "statement", "detail", "hint", "failure", "fine"})
_SHOUTED = "(?P<level>" + "|".join(sorted((word.upper() for word in LEVEL_OF.keys() - _PROSE), key=len)[::-1]) + r")\b"
_NAME = r"[A-Za-z_][\w.$/\-\[\]]*"
_PROGRAM = r"(?P<program>[\w./@\-]+)"
_MESSAGE = r"(?P<message>.*)"
_REQUEST = (
    r'"(?:(?P<http_method>[A-Z]{3,10}) (?P<http_path>[^"\s]*)[^"]*|[^"]*)" '
    r"(?P<http_status>\d{3}) (?:(?P<http_bytes>\d+)|-)"
)


def _time(kind: str) -> str:
    return f"(?P<time_{kind}>{FORMATS[kind].pattern})"


LEAD: Final = re.compile(rf"(?:<(?P<priority>\d{{1,3}})>)?\[?(?:{LEADING})")
"""A time at the start of a line: perhaps after a syslog priority or a bracket. The last group names its format."""

_HEADS: Final = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        # Python, by name:    - app.worker - WARNING - message
        rf" - (?P<logger>[\w.]+) - {_LEVEL} - {_MESSAGE}",
        # Spring Boot:        INFO 1234 --- [main] c.f.Bar   : message
        rf" +{_SHOUTED} (?P<pid>\d+) --- \[(?P<thread>[^\]]*)\] (?P<logger>\S+) *: {_MESSAGE}",
        # log4j, Zookeeper:   INFO  [main:Bar@45] - message          INFO [main] com.foo.Bar - message
        rf"\]?(?: -)? +{_SHOUTED} +\[(?P<thread>(?:[^\[\]]|\[[^\[\]]*\])*)\] (?:(?P<logger>{_NAME}) - |- )?{_MESSAGE}",
        # logback:            [main] INFO  com.foo.Bar - message
        rf" \[(?P<thread>[^\]]*)\] {_SHOUTED} +(?P<logger>{_NAME}) - {_MESSAGE}",
        # PostgreSQL:         UTC [123] user@base LOG:  message
        rf"(?: [A-Z]{{3,5}})? \[(?P<pid>\d+)(?:-\d+)?\] (?:(?P<database>\S+@\S+) )?{_LEVEL}: +{_MESSAGE}",
        # nginx:              [error] 123#0: message
        rf" \[{_LEVEL}\] (?P<pid>\d+)#\d+: {_MESSAGE}",
        # Apache:             ] [core:error] [pid 1:tid 2] message
        rf"\] \[(?:(?P<module>\w+):)?{_LEVEL}\] (?:\[pid (?P<pid>\d+)[^\]]*\] )?{_MESSAGE}",
        # HDFS, OpenStack:    143 INFO dfs.DataNode: message
        rf" (?P<pid>\d+) {_SHOUTED} (?P<logger>{_NAME}):? {_MESSAGE}",
        # Python, Spark:      WARNING app.worker: message
        rf"\]? +{_SHOUTED} +(?P<logger>{_NAME}): {_MESSAGE}",
        #                     [WARNING] app.worker: message
        rf"\]? +\[ *{_LEVEL} *\] +(?P<logger>{_NAME}): {_MESSAGE}",
        # most others:        [error] message    - ERROR - message    warn: message    ERROR message
        rf"\]?(?: -)? +\[ *{_LEVEL} *\](?: -|:)? *{_MESSAGE}",
        rf"\]?(?: -)? +{_LEVEL}(?: -|:)(?= ) *{_MESSAGE}",
        rf"\]?(?: -)? +{_SHOUTED} +{_MESSAGE}",
    )
)
_SYSLOG: Final = (
    # syslog:             host app(module)[123]: message
    re.compile(rf" (?P<host>[\w.\-:]+) {_PROGRAM}(?:\((?P<module>\w+)\))?(?:\[(?P<pid>\d+)\])?: {_MESSAGE}", re.DOTALL),
)
_DATED_SYSLOG: Final = (
    # The same after a full time, where two words and a colon may be prose: only with a process id, or a usual program.
    re.compile(rf" (?P<host>[\w.\-:]+) {_PROGRAM}\[(?P<pid>\d+)\]: {_MESSAGE}", re.DOTALL),
    re.compile(rf" (?P<host>[\w.\-:]+) (?P<program>kernel|systemd|sudo|CRON|cron): {_MESSAGE}", re.DOTALL),
)
_ANYTHING: Final = (re.compile(rf"\]?:? *(?:- )?{_MESSAGE}", re.DOTALL),)

HEADS: Final = {
    kind: (*_HEADS, *{"syslog": _SYSLOG, "iso": _DATED_SYSLOG}.get(kind, ()), *_ANYTHING) for kind in FORMATS
}
"""What may follow a time of that format, the most telling first; the last one takes anything."""

WHOLE: Final = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        # syslog, RFC 5424:   <34>1 2026-11-01T12:00:00.003Z host app 123 ID47 [data] message
        (
            rf"<(?P<priority>\d{{1,3}})>1 {_time('iso')} (?P<host>\S+) {_PROGRAM} (?:(?P<pid>\d+)|\S+) "
            rf"(?:-|(?P<message_id>\S+)) (?:-|(?P<data>(?:\[[^\]]*\])+))(?: \ufeff?|$){_MESSAGE}"
        ),
        # klog, glog:         E1101 12:00:00.123456   12345 file.go:123] message
        rf"(?P<letter>[DIWEF]){_time('klog')} +(?P<pid>\d+) (?P<source>[^\]\s]+)\] {_MESSAGE}",
        # nginx and Apache access: 192.0.2.1 - frank [01/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 12 …
        (
            rf"(?:(?P<virtual_host>[\w.\-]+:\d+) )?(?P<client>[\w.:\-]+) \S+ (?:-|(?P<http_user>\S+)) "
            rf"\[{_time('access')}\] (?P<message>{_REQUEST}.*)"
        ),
        # Redis:              1234:M 01 Nov 2026 12:00:00.123 * message
        rf"(?P<pid>\d+):[A-Z] {_time('redis')} (?P<mark>[.\-*#]) {_MESSAGE}",
        # level first:        [ERROR] 2026-11-01 12:00:00 message
        rf"\[?{_LEVEL}\]?:? +\[?(?:{_time('iso')}|{_time('syslog')})\]?:? *{_MESSAGE}",
        # Python, basicConfig: WARNING:root:message
        rf"(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL):(?P<logger>[\w.]+):{_MESSAGE}",
        # program first:      update-alternatives 2026-11-01 12:00:00: message
        rf"(?P<program>[a-z][\w\-]*)(?:\[(?P<pid>\d+)\])?:? \[?{_time('iso')}\]?:? *{_MESSAGE}",
    )
)

MARKS: Final = {".": "debug", "-": "debug", "*": "info", "#": "warn"}
"""What Redis writes for a level."""

PAIR: Final = re.compile(r'(?:^|(?<=\s))([A-Za-z_@][\w.@\-]*)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))')
"""A `key=value` of logfmt; a line is logfmt if it begins with one and names a message and a level or time."""

CONTINUATION: Final = re.compile(
    r"\s|\.\.\. \d+ |(?:Caused by|Suppressed): |Traceback \(most recent call last\)|During handling of the above"
    r"|The above exception was |[)\]}]+[,;]?$"
)
"""A line that goes on with the event before it, whatever that is."""

TRACE: Final = re.compile(r"[A-Za-z_][\w.$]*(?:Exception|Error|Throwable|Interrupt|Exit|Warning)\b")
"""A line that goes on with the event before it if that had a time and this has none: the last line of a Python trace,
the first of a Java one."""

ANSI: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
