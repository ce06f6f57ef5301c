"""The basket of Icinga Director: the command, a service template, and a field for each option.

The Director reads it under *Configuration baskets*. UUIDs are derived from the names, so that reading a newer basket changes the
objects of an older one instead of adding others.
"""

from __future__ import annotations

import argparse
import json
import uuid
from typing import Any

from deploy.generate.variables import Variable, variables

_SPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "smtp-tls-exporter.invalid")
_TYPES = "Icinga\\Module\\Director\\DataType\\DataType"


def basket(parser: argparse.ArgumentParser) -> str:
    """The whole file."""
    fields = {str(number): one for number, one in enumerate(variables(parser), start=1)}
    content = {
        "Command": {"smtp_tls": _command(list(fields.values()))},
        "ServiceTemplate": {"smtp-tls": _template()},
        "Datafield": {number: _field(one) for number, one in fields.items()},
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _command(options: list[Variable]) -> dict[str, Any]:
    return {
        "arguments": {one.option: _argument(one) for one in options},
        "command": "PluginDir + /check_smtp_tls",
        "disabled": False,
        "fields": [
            {"datafield_id": number, "is_required": "n", "var_filter": None}
            for number in range(1, len(options) + 1)
        ],
        "imports": ["ipv4-or-ipv6"],
        "methods_execute": "PluginCheck",
        "object_name": "smtp_tls",
        "object_type": "object",
        "timeout": "60",
        "uuid": _uuid("command"),
        "vars": {"smtp_tls_address": "$check_address$", "smtp_tls_verbose": True},
    }


def _argument(one: Variable) -> dict[str, Any]:
    made: dict[str, Any] = {"value" if one.takes_value else "set_if": f"${one.name}$"}
    made |= {"repeat_key": True} if one.repeatable else {}
    made |= {"required": True} if one.required else {}
    return {**made, "description": one.description}


def _template() -> dict[str, Any]:
    return {
        "check_command": "smtp_tls",
        "check_interval": 3600,
        "max_check_attempts": 3,
        "object_name": "smtp-tls",
        "object_type": "template",
        "retry_interval": 300,
        "uuid": _uuid("template"),
        "vars": {"smtp_tls_name": ["$host.name$"], "smtp_tls_sni": "$host.name$"},
    }


def _field(one: Variable) -> dict[str, Any]:
    kind = ("Array" if one.repeatable else "String") if one.takes_value else "Boolean"
    return {
        "varname": one.name,
        "caption": "SMTP TLS: " + one.name.removeprefix("smtp_tls_").replace("_", " "),
        "description": one.description,
        "datatype": _TYPES + kind,
        "format": None,
        "settings": {"visibility": "visible"} if kind == "String" else {},
        "uuid": _uuid(one.name),
    }


def _uuid(name: str) -> str:
    return str(uuid.uuid5(_SPACE, name))
