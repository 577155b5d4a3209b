"""A folder's public names stand in its `__init__` and `__all__`, and nothing else does."""

from importlib import import_module
from types import ModuleType

import pytest

PACKAGES = ("config", "connectors", "organisation", "scheduler", "analytics", "web")
# What the rooms of the house promise each other (docs: the house; later work adds review).
PROMISED = {
    "config": {"Settings", "load_settings", "open_database"},
    "connectors": {
        "Connector",
        "Outgoing",
        "Receipt",
        "Figures",
        "Limits",
        "platforms",
        "connector_for",
        "Refused",
        "NeedsPerson",
        "Unauthorised",
        "Throttled",
        "Unreachable",
        "Uncertain",
    },
    "organisation": {
        "Unit",
        "Account",
        "Person",
        "may",
        "visible_to",
        "record",
        "verify",
        "access_for",
        "in_subtree",
    },
    "scheduler": {"enqueue", "cancel", "reschedule", "Dispatcher"},
    "analytics": {"collect", "load", "rank", "run_award", "export_week", "top", "weekly"},
    "web": {"create_app"},
}


@pytest.mark.parametrize("name", PACKAGES)
def test_all_names_what_is_exposed(name: str) -> None:
    package = import_module(name)
    assert list(package.__all__) == sorted(set(package.__all__))
    for public in package.__all__:
        assert getattr(package, public) is not None
    exposed = {
        public
        for public, value in vars(package).items()
        if not public.startswith("_") and not isinstance(value, ModuleType)
    }
    # Lazy packages expose by __getattr__; what they import for themselves is no public name.
    own = {"import_module", "TYPE_CHECKING"}
    assert exposed - own <= set(package.__all__)


@pytest.mark.parametrize("name", PACKAGES)
def test_every_promised_name_is_there(name: str) -> None:
    assert PROMISED[name] <= set(import_module(name).__all__)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_name_that_is_not_public_is_refused(name: str) -> None:
    with pytest.raises(AttributeError):
        _ = import_module(name).no_such_name
