"""平台 The platforms there are, what each can do, and what an account of it needs."""

from connectors import Connector, connector_for, platforms
from web.access import SIGNED_IN
from web.api.call import Asked
from web.api.noun import Noun
from web.api.texts import Told

noun = Noun("connectors")


class LabelShown(Told):
    """Words in both languages."""

    zh: str
    en: str


class FieldShown(Told):
    """A field of the account's form; `pattern` is what its whole value looks like, '' for anything."""

    name: str
    label: LabelShown
    secret: bool
    required: bool
    pattern: str


class ConnectorShown(Told):
    """A platform; without a `default_api_base` every account names its own address."""

    platform: str
    label: LabelShown
    capabilities: list[str]
    reconcile: str
    default_api_base: str
    credentials: list[FieldShown]


class ConnectorList(Told):
    """All platforms, by name."""

    items: list[ConnectorShown]


@noun.read("", SIGNED_IN)
def list_all(asked: Asked) -> ConnectorList:
    """平台列表 Platforms with the form of an account; they are nobody's secret."""
    asked.everybody()
    return ConnectorList(items=[_shown(name, connector_for(name)) for name in platforms()])


def _shown(name: str, one: Connector) -> ConnectorShown:
    return ConnectorShown(
        platform=name,
        label=LabelShown.model_validate(one.label),
        capabilities=sorted(one.capabilities),
        reconcile=str(one.reconcile),
        default_api_base=one.default_api_base,
        credentials=[FieldShown.model_validate(field) for field in one.credential_fields],
    )
