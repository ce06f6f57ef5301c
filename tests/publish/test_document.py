"""The JSON of one result, schema 1, and PEM."""

from __future__ import annotations

import json
import ssl

import pytest

from exporter.model import (
    NameVerdict,
    ProblemKind,
    Reason,
    RevocationMethod,
    RevocationStatus,
    RevocationVerdict,
    Stage,
)
from exporter.publish.document import as_json, pem
from tests.publish.test_nagios import hostile
from tests.results import HOST, HOSTILE, LEAF, ROOT, failed, problem, result, trusted, untrusted


def test_document_of_a_healthy_server() -> None:
    """Every key of the schema is there, with values that a program can compare."""
    document = as_json(result())
    assert document["schema"] == 1
    assert document["target"] == f"{HOST}:25"
    assert (document["host"], document["port"], document["mode"]) == (HOST, 25, "starttls")
    assert (document["address"], document["state"], document["stage"]) == ("192.0.2.7", "ok", "verify")
    assert document["time"] == "2026-11-23T12:00:00.000Z"
    assert document["duration"] == 0.3141
    assert document["failure"] is None
    assert document["problems"] == []
    assert document["names"] == [{"name": HOST, "match": True, "matched": f"DNS:{HOST}"}]


def test_document_has_the_keys_of_the_contract() -> None:
    """The names that scripts rely on."""
    document = as_json(
        result(
            problem(ProblemKind.UNTRUSTED_ROOT),
            stores=(untrusted(), trusted()),
            revocation=(RevocationVerdict(0, RevocationMethod.OCSP, RevocationStatus.GOOD),),
        )
    )
    assert ",".join(document) == (
        "schema,target,host,port,mode,address,time,duration,state,stage,failure,smtp,tls,transaction,seen_at,"
        "chain,chain_complete,notes,names,stores,revocation,problems"
    )
    assert set(document["smtp"]) == {"greeting", "capabilities", "starttls_offered", "replies"}
    assert {"version", "cipher", "bits", "group", "signature"} <= set(document["tls"])
    assert ",".join(document["chain"][0]) == (
        "position,subject,issuer,serial,sha1,sha256,not_before,not_after,key,key_bits,signature,sans,"
        "self_signed,pem"
    )
    assert set(document["stores"][0]) == {"store", "valid", "trusted", "code", "depth", "reason", "path"}
    assert set(document["revocation"][0]) == {
        "position", "method", "status", "detail", "url", "this_update", "next_update", "revoked_at", "reason",
    }  # fmt: skip
    assert set(document["problems"][0]) == {"problem", "severity", "summary", "remedy", "clients"}
    assert [c["sha256"] for c in document["stores"][1]["path"]][-1] == ROOT.sha256


def test_document_of_a_failed_probe() -> None:
    """What is not known is null, not false and not empty text."""
    document = as_json(failed(Stage.CONNECT, Reason.TIMEOUT, "5 s were allowed"))
    assert document["failure"] == {"stage": "connect", "reason": "timeout", "detail": "5 s were allowed"}
    assert document["tls"] is None
    assert document["smtp"]["starttls_offered"] is None
    assert document["smtp"]["greeting"] is None
    assert document["chain"] == []


def test_unknown_verdicts_are_null() -> None:
    """A name that could not be compared is neither a match nor a mismatch."""
    assert as_json(result(names=(NameVerdict("?", match=None),)))["names"][0]["match"] is None


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_survives_as_text(text: str) -> None:
    """Whatever a server sends is valid JSON in valid UTF-8, and comes back unless it was not Unicode."""
    document = as_json(hostile(text))
    assert json.loads(json.dumps(document, ensure_ascii=False).encode()) == document
    if text != HOSTILE["not-utf-8"]:
        assert document["chain"][0]["subject"] == text


def test_pem_is_what_others_read(leaf_der: bytes) -> None:
    """The PEM text has lines of 64 characters and decodes to the same certificate."""
    text = pem(leaf_der)
    assert ssl.PEM_cert_to_DER_cert(text) == leaf_der
    assert max(map(len, text.splitlines())) == 64
    assert text == ssl.DER_cert_to_PEM_cert(leaf_der)


@pytest.fixture
def leaf_der() -> bytes:
    """Bytes that need several lines."""
    return LEAF.der * 10
