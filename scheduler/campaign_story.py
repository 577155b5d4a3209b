"""What happened in a campaign, in words."""

from config.messages import told
from scheduler.campaign_tables import CampaignEvent


def event_told(event: CampaignEvent, language: str | None = None) -> str:
    """One step, in the language of whoever reads."""
    facts = {name: _plain(fact) for name, fact in event.facts.items()}
    return told(f"campaign.event_{event.happening}", _Facts(facts), language=language)


class _Facts(dict[str, object]):
    """A fact that an event does not have is a dash."""

    def __missing__(self, name: str) -> str:
        return "–"


def _plain(fact: object) -> object:
    if isinstance(fact, list):
        return "、".join(str(one) for one in fact)
    return "–" if fact is None else fact
