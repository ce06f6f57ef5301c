"""The keys of the file and what each may hold: plain data in, checked models out.

One model for each kind of mapping; unknown keys and wrong types are refused and nothing is converted
silently. A key that is absent is None here and never null in the file. What depends on several keys is
in `checks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from exporter.config import fields


class Strict(BaseModel):
    """What all mappings have in common."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Expiry(Strict):
    """When the remaining lifetime of a certificate becomes a problem."""

    warning: fields.Limit | None = Field(
        None, description="Warn below this remaining lifetime: days (21d) or a share (33%). Default 21d."
    )
    critical: fields.Limit | None = Field(
        None, description="Critical below this remaining lifetime: days (7d) or a share (10%). Default 7d."
    )


class Auth(Strict):
    """The account of a transaction."""

    username: fields.UserName = Field(description="Name to log in with.")
    password_file: fields.Text = Field(
        description="A file whose first line is the password; relative to the configuration file."
    )
    mechanism: fields.Mechanism | None = Field(
        None, description="How to log in. Default: plain if the server offers it, else login."
    )


class Transaction(Strict):
    """What is tried once the connection is encrypted."""

    mail_from: fields.Sender = Field(description="Address of the sender, empty for the null one.")
    rcpt_to: fields.Mailbox = Field(description="Address of the recipient.")
    send: bool | None = Field(None, description="Deliver a message to it at every probe. Default false.")
    auth: Auth | None = Field(None, description="The account to log in with. Default none.")


OFF = Transaction.model_construct(mail_from="", rcpt_to="")
"""Stands for `false`: no transaction, whatever is inherited."""


class _OrFalse:
    """Lets `false` stand in place of a transaction."""

    @staticmethod
    def validate(value: object, handler: ValidatorFunctionWrapHandler) -> Transaction:
        """`OFF`, or what the model makes of it."""
        return OFF if value is False else handler(value)

    def __get_pydantic_json_schema__(
        self, inner: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [handler(inner), {"const": False}]}


class Settings(Strict):
    """What defaults, targets and modules can all set."""

    timeout: fields.Timeout | None = Field(
        None, description="Deadline of one probe of one address, 100ms to 5m. Default 15s."
    )
    ehlo_name: fields.EhloName | None = Field(
        None, description="Name to greet servers with. Default: this machine's fully qualified name."
    )
    addresses: fields.AddressesChoice | None = Field(
        None, description="Probe all addresses of the host, or the first. Default all."
    )
    ip_family: fields.FamilyChoice | None = Field(None, description="Addresses to use. Default any.")
    trust_stores: fields.StoreNames | None = Field(
        None, description="Names of the trust stores to judge the chain against. Default [system]."
    )
    revocation: fields.Methods | None = Field(
        None,
        description="How revocation is found out; an empty list for not at all. Default [staple, ocsp, crl].",
    )
    expiry: Expiry | None = Field(None, description="Thresholds of the remaining lifetime.")
    severities: fields.Severities | None = Field(
        None, description="Severity of each problem, where it is not the default; ok turns a problem off."
    )
    transaction: Annotated[Transaction, WrapValidator(_OrFalse.validate), _OrFalse()] | None = Field(
        None, description="A mail transaction that is tried after TLS, or false for none. Default none."
    )


class Defaults(Settings):
    """What every target inherits."""

    interval: fields.Interval | None = Field(None, description="Time between probes, 1s to 30d. Default 1h.")


class Module(Settings):
    """Overrides that /probe?module=NAME applies to a target."""

    mode: fields.ModeChoice | None = Field(None, description="How TLS begins; auto goes by the port.")
    names: fields.Names | None = Field(None, description="Names that the certificate must carry.")
    sni: fields.Sni | None = Field(None, description="Server name to send; empty for none.")


class Listed(Module):
    """What every entry of the list of targets can set."""

    key_types: fields.KeyTypes | None = Field(
        None, description="Probe once for each of these kinds of certificate: rsa, ecdsa. Default: once."
    )
    labels: fields.Labels | None = Field(None, description="Labels to add to every series of this target.")
    interval: fields.Interval | None = Field(None, description="Time between probes, 1s to 30d. Default 1h.")


class Target(Listed):
    """One server to watch."""

    host: fields.Host = Field(description="Host name or IP address.")
    port: fields.Port | None = Field(None, description="TCP port. Default 25, or 465 with mode tls.")
    target: fields.Text | None = Field(None, description="Name to show. Default HOST:PORT.")


class Mx(Listed):
    """Every host that takes the mail of a domain."""

    mx: fields.Domain = Field(description="The domain; its MX records are looked up in each interval.")
    port: fields.Port | None = Field(None, description="TCP port. Default 25, or 465 with mode tls.")


class FileSd(Listed):
    """The servers that files name."""

    file_sd: fields.Patterns = Field(
        description="Files in Prometheus' format (YAML or JSON), whose last part may have wildcards; watched."
    )


class HttpSd(Listed):
    """The servers that a URL names."""

    http_sd: fields.Url = Field(description="Where a list in Prometheus' format (JSON) is.")
    refresh_interval: fields.Refresh | None = Field(
        None, description="Time between two requests, 5s to 1d. Default 1m."
    )


AnyTarget = Target | Mx | FileSd | HttpSd
TARGETS: Mapping[str, type[AnyTarget]] = {"host": Target, "mx": Mx, "file_sd": FileSd, "http_sd": HttpSd}
"""The kinds of entry in the list of targets, by the key that only they have."""


def target_kind(data: object) -> str:
    """Which kind of entry it is meant to be; that of a host where nothing says another."""
    keys = data if isinstance(data, dict) else ()
    return next((key for key in TARGETS if key in keys), "host")


TargetEntry = Annotated[
    Annotated[Target, Tag("host")]
    | Annotated[Mx, Tag("mx")]
    | Annotated[FileSd, Tag("file_sd")]
    | Annotated[HttpSd, Tag("http_sd")],
    Discriminator(target_kind),
]


class SystemStore(Strict):
    """The authorities that this machine's OpenSSL trusts."""

    type: Literal["system"]


class MozillaStore(Strict):
    """The authorities that Mozilla trusts, as the package certifi carries them."""

    type: Literal["mozilla"]


class PemStore(Strict):
    """Authorities in PEM files."""

    type: Literal["pem"]
    path: fields.Paths = Field(
        description="A file, a list of files, or a directory; relative to the configuration file."
    )


class KeyStore(Strict):
    """Authorities in a file that may be protected by a password: one of Java's, or PKCS#12."""

    type: Literal["jks", "pkcs12"]
    path: fields.Text = Field(description="The file; relative to the configuration file.")
    password_file: fields.Text | None = Field(
        None,
        description="A file whose first line is the password; relative to the configuration file.",
    )


AnyStore = SystemStore | MozillaStore | PemStore | KeyStore
Store = Annotated[AnyStore, Field(discriminator="type")]
STORES: Mapping[str, type[AnyStore]] = {
    "system": SystemStore,
    "mozilla": MozillaStore,
    "pem": PemStore,
    "jks": KeyStore,
    "pkcs12": KeyStore,
}
"""The kinds of trust store by their type."""
KEYSTORE_TYPES = tuple(kind for kind, model in STORES.items() if model is KeyStore)


class Limits(Strict):
    """How hard servers and this machine may be worked."""

    concurrency: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None, description="Probes at the same time, 1 to 10000. Default 500."
    )
    per_host: Annotated[int, Field(ge=1, le=1_000)] | None = Field(
        None, description="Connections to one address at the same time, 1 to 1000. Default 1."
    )
    per_host_delay: fields.Delay | None = Field(
        None, description="Pause between two connections to one address, 0s to 1h. Default 0s."
    )


class Ldap(Strict):
    """The directory that is asked for revocation lists."""

    server: fields.Host = Field(description="Host name or address of the directory server.")
    port: fields.Port | None = Field(None, description="TCP port. Default 389.")
    bind_dn: fields.Text | None = Field(None, description="Name to bind with. Default: anonymous.")
    password_file: fields.Text | None = Field(
        None,
        description="A file whose first line is the password; relative to the configuration file.",
    )


class Evidence(Strict):
    """What may be fetched to judge a chain, and from where."""

    timeout: fields.EvidenceTimeout | None = Field(
        None, description="Deadline of one URL, redirects included, 100ms to 1m. Default 10s."
    )
    allow_networks: list[fields.Network] | None = Field(
        None,
        description="Networks and addresses that URLs in certificates may lead to although they are "
        "refused otherwise. Default none.",
    )
    aia: bool | None = Field(
        None, description="Fetch missing intermediates from where certificates say. Default true."
    )
    ldap: Ldap | None = Field(
        None, description="The directory for revocation lists whose ldap URL names none. Default none."
    )


class Probe(Strict):
    """What /probe may be asked for beside the configured targets."""

    allow: list[fields.Allowed] | None = Field(
        None, description="Names, in which * stands for anything, and networks. Default: none."
    )
    ports: list[fields.Port] | None = Field(
        None, description="Ports that may be asked for. Default [25, 465, 587]."
    )


class File(Strict):
    """Configuration of smtp-tls-exporter."""

    defaults: Defaults | None = Field(None, description="What every target inherits.")
    trust_stores: dict[fields.Text, Store] | None = Field(
        None, description="Named sets of trusted authorities. `system` exists without being defined."
    )
    targets: list[TargetEntry] | None = Field(None, description="The servers to watch.")
    modules: dict[fields.Text, Module] | None = Field(
        None, description="Named overrides for /probe?module=NAME."
    )
    probe: Probe | None = Field(
        None, description="What /probe may be asked for beside the configured targets."
    )
    limits: Limits | None = Field(None, description="How hard servers and this machine may be worked.")
    evidence: Evidence | None = Field(None, description="What may be fetched to judge a chain.")
