"""The wrongs. Each is what somebody might write on a bad day, and all of them are quiet: the product goes on working."""

from typing import Final

from infra.mutants.runner import Mutant

CSRF: Final = "chalicelib/web/csrf.py"
GUARD: Final = "chalicelib/web/guard.py"
PROGRAMS: Final = "chalicelib/web/programs.py"
CODES: Final = "chalicelib/oauth/codes.py"
ROTATION: Final = "chalicelib/oauth/rotation.py"
TOKENS: Final = "chalicelib/oauth/tokens.py"
API_KEYS: Final = "chalicelib/identity/api_keys.py"
SESSIONS: Final = "chalicelib/identity/sessions.py"
SIGN_IN: Final = "chalicelib/identity/sign_in.py"
PASSWORDS: Final = "chalicelib/identity/passwords.py"
PERMISSIONS: Final = "chalicelib/identity/permissions.py"
PURGING: Final = "chalicelib/events/store/purging.py"
APPEND: Final = "chalicelib/events/store/append.py"

MUTANTS: Final = (
    Mutant("S1", "chalicelib/oauth/pkce.py", "    if method != METHOD:\n", "    if method not in (METHOD, 'plain'):\n"),
    Mutant("S2", CODES, "LIFETIME_SECONDS: Final = 60\n", "LIFETIME_SECONDS: Final = 600\n"),
    Mutant("S3", "chalicelib/routes/pages/consent.py", 'if given.decision == "deny":', 'if given.decision == "no":'),
    Mutant(
        "S4",
        CODES,
        "    if not pkce.verified(verifier, approval.challenge):",
        "    if verifier and not pkce.verified(verifier, approval.challenge):",
    ),
    Mutant(
        "S5",
        PERMISSIONS,
        '"events:read": frozenset({Permission.PUBLIC, Permission.EVENTS_READ}),',
        '"events:read": frozenset({Permission.PUBLIC, Permission.EVENTS_READ, Permission.EVENTS_WRITE}),',
    ),
    Mutant("S6", PROGRAMS, "        if named != (who.project.org, who.project.project):", "        if named is None:"),
    Mutant(
        "S7",
        PERMISSIONS,
        '"events:read": frozenset({Permission.PUBLIC, Permission.EVENTS_READ}),',
        '"events:read": frozenset({Permission.PUBLIC, Permission.EVENTS_READ, Permission.KEYS_READ}),',
    ),
    Mutant(
        "S8",
        ROTATION,
        'fields: dict[str, Any] = {\n        "digest": successor.digest, ',
        "fields: dict[str, Any] = {\n        ",
    ),
    Mutant(
        "S9",
        ROTATION,
        "    grants.end_grant(family.grant, by=SYSTEM, why=USED_TWICE, now=now, deadline=deadline)\n",
        "",
    ),
    Mutant(
        "S10",
        "chalicelib/identity/grants.py",
        "    change.delete(keys.GRANTS, *by_id, present(GrantUnknown()))",
        "    change.check(keys.GRANTS, *by_id, present(GrantUnknown()))",
    ),
    Mutant(
        "S11",
        "chalicelib/oauth/bearers.py",
        "        return sha256(self.text.encode()).digest()",
        "        return self.text.encode()",
    ),
    Mutant(
        "S12",
        "chalicelib/oauth/bearers.py",
        "        return hmac.compare_digest(self.digest, digest)",
        "        return self.digest == digest",
    ),
    Mutant(
        "S13",
        TOKENS,
        'stored is None or stored["expires_at"].number <= now:',
        "stored is None:",
    ),
    Mutant(
        "S13", TOKENS, "    if grant is None or not _is_allowed(grant, deadline=deadline):", "    if grant is None:"
    ),
    Mutant("S14", PASSWORDS, "FULL: Final = Parameters(64 * 1024, 3)", "FULL: Final = Parameters(8 * 1024, 1)"),
    Mutant(
        "S15",
        SIGN_IN,
        "    verdict = passwords.verified(attempt.password, user.password if user else None)\n",
        "    if user is None:\n        raise SignInRefused\n    verdict = passwords.verified(attempt.password, user.password)\n",
    ),
    Mutant("S16", PASSWORDS, "LEAST_CHARACTERS: Final = 12\n", "LEAST_CHARACTERS: Final = 10\n"),
    Mutant("S17", SIGN_IN, '    limits.allow("sign-in-account", email, now_ms=at, deadline=deadline)\n', ""),
    Mutant(
        "S18",
        SIGN_IN,
        "    letters.send(letters.reset(user.email, token) if user else letters.no_account(address), now=now)",
        "    if user is None:\n        raise SignInRefused\n    letters.send(letters.reset(user.email, token), now=now)",
    ),
    Mutant("S19", "chalicelib/web/cookies.py", "Max-Age={seconds}; Secure; HttpOnly;", "Max-Age={seconds}; Secure;"),
    Mutant("S20", SESSIONS, '    return now < stored["created_at"].number + SECONDS', "    return True"),
    Mutant("S21", SESSIONS, '    if user is None or user.epoch != stored["epoch"].number:', "    if user is None:"),
    Mutant(
        "S22",
        CSRF,
        "    if not any(hmac.compare_digest(given, each) for each in expected):",
        "    if not any(expected):",
    ),
    Mutant(
        "S23",
        "chalicelib/identity/key_ring.py",
        '"digest": key.digest, "label": named,',
        '"digest": key.digest, "plain": key.text, "label": named,',
    ),
    Mutant(
        "S24",
        API_KEYS,
        '    change.update(keys.KEYS, keys.key_partition(key.key_id), keys.ONLY, {"last_used_at": now}, rarely)',
        '    change.update(keys.KEYS, keys.key_partition(key.key_id), keys.ONLY, {"last_used": now}, rarely)',
    ),
    Mutant(
        "S25",
        "chalicelib/web/headers.py",
        '"Cache-Control": "no-store",',
        '"Cache-Control": "private",',
    ),
    Mutant(
        "S26",
        API_KEYS,
        "or (expires_at is not None and expires_at <= now):",
        "or (expires_at is not None and expires_at < 0):",
    ),
    Mutant(
        "S27",
        API_KEYS,
        '    if not hmac.compare_digest(digest(form["secret"]), expected) or stored is None:',
        "    if stored is None:",
    ),
    Mutant("S28", "chalicelib/storage/tables/keys.py", '    return org + project + b"i"', '    return project + b"i"'),
    Mutant(
        "S29",
        "chalicelib/web/programs.py",
        "        if named != (who.project.org, who.project.project):",
        "        if named is None:",
    ),
    Mutant("S30", GUARD, "    if route.permission not in person.may:", "    if not person.may:"),
    Mutant(
        "S31",
        "chalicelib/identity/roles.py",
        '    Role.ADMIN: frozenset({Role.ADMIN, Role.MEMBER}),\n    Role.MEMBER: frozenset(),\n}\n"""The roles that somebody of',
        '    Role.ADMIN: frozenset({Role.OWNER, Role.ADMIN, Role.MEMBER}),\n    Role.MEMBER: frozenset(),\n}\n"""The roles that somebody of',
    ),
    Mutant(
        "S32",
        PROGRAMS,
        "        if named != (who.project.org, who.project.project):",
        "        if named and named[0] != who.project.org:",
    ),
    Mutant("S33", "infra/deploy/tables.py", '"BillingMode": "PAY_PER_REQUEST"', '"BillingMode": "PROVISIONED"'),
    Mutant(
        "S34",
        "chalicelib/routes/ingest.py",
        "    return responses.json(outcome, status=202)",
        "    return responses.json(outcome, status=200)",
    ),
    Mutant("S35", "chalicelib/web/headers.py", '    "X-Content-Type-Options": "nosniff",\n', ""),
    Mutant("S36", GUARD, "        programs.count(request, route, principal)\n", ""),
    Mutant(
        "S37",
        "chalicelib/events/query/plan.py",
        "    start = max(within.start, scope.horizon(now_ms))",
        "    start = within.start",
    ),
    Mutant(
        "S38",
        PURGING,
        '    yield keys.pattern_hour_sort(Slot(0)), keys.pattern_hour_sort(last), _kind_of_derived(b"p")\n',
        "",
    ),
    Mutant(
        "S39",
        "chalicelib/identity/projects.py",
        "    return project_of(stored) if stored and _lives(stored) else None\n\n\ndef tombstone",
        "    return project_of(stored) if stored else None\n\n\ndef tombstone",
    ),
    Mutant(
        "S40",
        "chalicelib/routes/pages/deleting.py",
        "@routes.form(PROJECT, permission=Permission.PROJECTS_DELETE,",
        "@routes.form(PROJECT, permission=Permission.PROJECTS_WRITE,",
    ),
    Mutant(
        "S41",
        "chalicelib/identity/erasing.py",
        '    yield from followed("audit entries", keys.AUDIT, keys.person_audit_partition(user), deadline=deadline)\n',
        "",
    ),
    Mutant("S42", "chalicelib/routes/wellknown.py", "GOOD_FOR_DAYS: Final = 180\n", "GOOD_FOR_DAYS: Final = 3_650\n"),
    Mutant("S43", "SECURITY.md", "No certification is claimed.", "Scrywatch is ISO 27001 certified."),
    Mutant(
        "I1",
        APPEND,
        "    return put_if_absent(\n        placed.partition, keys.block_sort(packed.last, batch, number), packed.scan, expires, deadline=deadline\n    )",
        "    return packed.count == 1 or put_if_absent(\n        placed.partition, keys.block_sort(packed.last, batch, number), packed.scan, expires, deadline=deadline\n    )",
    ),
    Mutant(
        "I2",
        "chalicelib/events/store/receipt.py",
        '(b"b", body) if idempotency_key is None',
        '(b"b", secrets.token_bytes(8)) if idempotency_key is None',
    ),
    Mutant("I3", APPEND, "sorted(decoded.rejected + rejected, key=", "sorted(rejected, key="),
    Mutant(
        "I4",
        "chalicelib/events/query/cursor.py",
        'b"cursor" + scope.org + scope.project + bound + body',
        'b"cursor" + bound + body',
    ),
    Mutant(
        "I5",
        API_KEYS,
        '    if kind == "query" and "membership" in stored and not _is_member(stored, deadline=deadline):\n        raise KeyRefused\n',
        "",
    ),
    Mutant(
        "I6",
        "chalicelib/storage/changes.py",
        "        if not (cancelled.retried and _happened(change, deadline=deadline)):",
        "        if not cancelled.retried:",
    ),
    Mutant("I7", "chalicelib/identity/links.py", "keys.ONLY, fields, absent(LinkRefused()))", "keys.ONLY, fields)"),
    Mutant(
        "I8",
        "chalicelib/storage/erasures.py",
        "        was_late = begun >= self.asked_at + QUIET_SECONDS",
        "        was_late = True",
    ),
    Mutant(
        "I9",
        "chalicelib/events/decode/coding.py",
        "INFLATED_LIMIT: Final = 32 * 1024 * 1024",
        "INFLATED_LIMIT: Final = 32 * 1024 * 1024 * 1024",
    ),
    Mutant(
        "I10",
        "chalicelib/identity/key_ring.py",
        'action="key.create", target=key.key_id, at=at',
        'action="key.create", target=key.text, at=at',
    ),
    Mutant(
        "I11",
        "chalicelib/events/query/counts.py",
        '            "partial": self._reached is not None,',
        '            "partial": False,',
    ),
    Mutant(
        "I12",
        "chalicelib/storage/writes.py",
        "        requests = answer.unprocessed_items.get(table, [])",
        "        requests = []",
    ),
    Mutant(
        "I13",
        "chalicelib/events/store/stored.py",
        "    return frozenset((batch, part) for stored in merged for _, batch, part in stored.places)",
        "    return frozenset()",
    ),
)
"""In the order of docs/promises.md. Those that are missing are not due yet, or are promises about what is not code."""
