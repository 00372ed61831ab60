"""How much counters grew, without losing what a series begins with."""

from alerts.site import Site
from alerts.thresholds import Number
from exporter.metrics import families as f
from exporter.metrics.families import Family


def increase(site: Site, family: Family, window: Number, *labels: str, matchers: str = "") -> str:
    """Over all processes. `increase` leaves out what a series begins with: of most reasons to fail there is no second, and
    two hundred failures at a step that is new would be none. A series that began later than its account's counts as a whole;
    one that began with the account goes on with what was counted before."""
    over = site.samples(family, matchers, window=window.span)
    account = site.samples(f.BREAKER, 'state="closed"', window=window.span)
    # By every label of the target: where one changes, all series begin anew and none is born.
    own = ", ".join((*(label for label in family.labels if label != "account"), "state"))
    seen = f"ignoring ({own}) group_left () count_over_time({account})"
    born = f"last_over_time({over}) and (count_over_time({over}) < {seen})"
    return site.all("sum", f"({born}) or increase({over})", *labels)
