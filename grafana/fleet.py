"""The dashboard of all targets: counts, who has what, what expires when, of which kind everything is, and the exporter itself."""

from __future__ import annotations

from collections.abc import Iterator

from frame import DAYS, STATES, frame, timeline
from panels import Json, Steps, bars, exporter, lines, linked, series, stat, table, thresholds, words


def overview() -> Iterator[Json]:
    """How many, in which state, and how long."""
    state = series("smtp_tls_state")
    for number, (name, color) in enumerate(STATES):
        heading = (name.capitalize(), f"Addresses of targets whose state is {name}.")
        steps: Steps = ((None, "gray"), (1, color)) if number == 0 else ((None, "green"), (1, color))
        yield stat(heading, f"count({state} == {number}) or vector(0)", 3, steps)
    heading = ("Watched", "Addresses of targets that are watched.")
    yield stat(heading, f"count({state}) or vector(0)", 6, ((None, "gray"), (1, "blue")))
    heading = ("Next expiry", "Days until the first server's own certificate expires; negative after that.")
    yield stat(heading, f"min({series('smtp_tls_cert_days_to_expiry')})", 6, DAYS, unit="d", decimals=1)


def problems_now() -> Json:
    """How many addresses show each problem."""
    return bars(
        ("Problems now", "How many addresses show each problem. Empty when nothing is wrong."),
        f"sum by (problem) ({series('smtp_tls_problem')}) > 0",
        "{{problem}}",
        12,
        "red",
    )


def soonest_expiry() -> Json:
    """The certificates that expire first, with who they are and who issued them."""
    made = table(
        (
            "Soonest expiry",
            "The servers' own certificates that expire first, 50 at most. Colours change at 21 and 7 days.",
        ),
        f"bottomk(50, {series('smtp_tls_cert_days_to_expiry')}"
        " * on (job, instance, target, address) group_left (subject, issuer) "
        f"""{series("smtp_tls_cert_info", 'position="0"')})""",
        {
            "Value": "Days left",
            "target": "Target",
            "address": "Address",
            "subject": "Subject",
            "issuer": "Issuer",
        },
        (24, 10),
        sortBy=[{"displayName": "Days left", "desc": False}],
    )
    properties = {
        "decimals": 1,
        "custom.cellOptions": {"type": "color-background"},
        "thresholds": thresholds(DAYS),
    }
    made["fieldConfig"]["overrides"] = [
        {
            "matcher": {"id": "byName", "options": "Days left"},
            "properties": [{"id": key, "value": value} for key, value in properties.items()],
        },
        linked("Target", "This target", "/d/smtp-tls-target?var-target=${__value.text:percentencode}"),
    ]
    return made


def who_and_why() -> Iterator[Json]:
    """The tables of what is wrong now."""
    endpoint = {"target": "Target", "address": "Address"}
    yield table(
        ("Who has which problem", "One line for each problem of each address. Empty when nothing is wrong."),
        f"{series('smtp_tls_problem')} == 1",
        {**endpoint, "problem": "Problem"},
        (12, 8),
    )
    yield soonest_expiry()
    yield table(
        ("Failed probes", "Addresses whose last probe obtained no certificate. Empty when every one did."),
        f"max by (target, address, stage, reason) ({series('smtp_tls_probe_failure_info')})",
        {**endpoint, "stage": "Stage", "reason": "Reason"},
        (24, 7),
    )


def history() -> Iterator[Json]:
    """What happened, and how long the probes took."""
    yield lines(
        ("Problems over time", "How many addresses showed each problem. Empty when nothing was wrong."),
        f"sum by (problem) ({series('smtp_tls_problem')}) > 0",
        "{{problem}}",
        "short",
        stacked=True,
    )
    yield timeline()
    yield lines(
        ("Slowest probes", "Duration of the last probe; the ten slowest addresses at each moment."),
        f"topk(10, {series('smtp_tls_probe_duration_seconds')})",
        "{{target}} {{address}}",
        "s",
        stacked=False,
    )
    yield lines(
        ("Where probes spend their time", "Mean duration of each phase over the selected targets."),
        f"avg by (phase) ({series('smtp_tls_probe_phase_duration_seconds')})",
        "{{phase}}",
        "s",
        stacked=True,
    )


def calendar() -> Json:
    """How many certificates end in which week."""
    left = series("smtp_tls_cert_days_to_expiry")
    weeks = [
        ("expired", f"{left} < 0"),
        *((f"week {n}", f"{left} >= {7 * n - 7} < {7 * n}") for n in range(1, 9)),
    ]
    return bars(
        (
            "Expiry calendar",
            "How many servers' own certificates end within the first week from now, the second, and so on to the eighth.",
        ),
        " or ".join(
            f'label_replace(count({which}) or vector(0), "week", "{name}", "", "")' for name, which in weeks
        ),
        "{{week}}",
        8,
    )


def kinds() -> Iterator[Json]:
    """Of which kind the connections and certificates are."""
    leaves = series("smtp_tls_cert_info", 'position="0"')
    yield calendar()
    yield bars(
        ("TLS versions", "What was negotiated, by address."),
        f"count by (version) ({series('smtp_tls_connection_info')})",
        "{{version}}",
        5,
    )
    yield bars(("Keys", "Keys of the servers' own certificates."), f"count by (key) ({leaves})", "{{key}}", 5)
    yield bars(
        ("Issuers", "Who issued the servers' own certificates; the ten with the most."),
        f"topk(10, count by (issuer) ({leaves}))",
        "{{issuer}}",
        6,
    )


def renewals() -> Json:
    """How many certificates changed."""
    return stat(
        (
            "Renewals in a week",
            "How many times an address presented another certificate within the last seven days.",
        ),
        f"round(sum(increase({series('smtp_tls_cert_changes_total')}[7d])))",
        6,
        ((None, "blue"),),
    )


def health() -> Iterator[Json]:
    """How the exporter itself fares."""
    yield renewals()
    yield stat(
        (
            "Configuration",
            "Whether every exporter could read its configuration when it last tried.",
        ),
        f"min({exporter('smtp_tls_exporter_config_last_reload_successful')})",
        6,
        ((None, "gray"),),
        mappings=words(("failed", "red"), ("read", "green")),
    )
    yield stat(
        ("Schedule lag", "Seconds by which the slowest exporter is behind its schedule."),
        f"max({exporter('smtp_tls_exporter_schedule_lag_seconds')})",
        6,
        ((None, "green"), (60, "yellow"), (600, "red")),
        unit="s",
    )
    yield stat(
        ("Memory", "Resident memory of the largest exporter."),
        f"max({exporter('process_resident_memory_bytes')})",
        6,
        ((None, "blue"),),
        unit="bytes",
    )
    yield lines(
        ("Probes", "Probes a second, by exporter."),
        f"sum by (job, instance) (rate({exporter('smtp_tls_exporter_probes_total')}[$__rate_interval]))",
        "{{instance}}",
        "short",
        stacked=True,
    )
    yield lines(
        ("CPU", "Seconds of CPU a second, by exporter."),
        f"sum by (job, instance) (rate({exporter('process_cpu_seconds_total')}[$__rate_interval]))",
        "{{instance}}",
        "short",
        stacked=True,
    )


def dashboard() -> Json:
    """The whole dashboard."""
    heading = (
        "SMTP TLS fleet",
        "State, problems and expiry of mail servers' certificates, from smtp-tls-exporter.",
    )
    return frame(
        "smtp-tls-fleet",
        heading,
        [*overview(), problems_now(), *who_and_why(), *kinds(), *history(), *health()],
    )
