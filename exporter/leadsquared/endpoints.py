"""The seven asynchronous APIs, the regional hosts and the plans, as data.

Every path says how sure it is; each can be changed in the configuration.
"""

from dataclasses import dataclass
from enum import StrEnum


class Evidence(StrEnum):
    """Where a path comes from: the vendor's pages, public code or notes of others, or by analogy with those."""

    DOCUMENTED = "documented"
    SEEN = "seen"
    INFERRED = "inferred"


@dataclass(frozen=True, slots=True)
class KnownPath:
    """A path, or a pattern of paths in which `*` stands for any part of one segment."""

    text: str
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One asynchronous API. The first of its `status` and `metrics` paths is its default; `submit_path` is where a caller
    submits who has the choice. `task_type` and the spelling of the id in a status answer are the vendor's."""

    name: str
    submit_path: str
    submit: tuple[KnownPath, ...]
    status: tuple[KnownPath, ...]
    metrics: tuple[KnownPath, ...]
    task_type: str
    id_key: str
    metrics_rate_key: str = "ProcessingRatePerMinute"

    @property
    def submit_paths(self) -> tuple[str, ...]:
        return tuple(one.text for one in self.submit)

    @property
    def status_path(self) -> str:
        return self.status[0].text

    @property
    def metrics_path(self) -> str:
        return self.metrics[0].text


def _documented(text: str) -> KnownPath:
    return KnownPath(text, Evidence.DOCUMENTED)


def _seen(text: str) -> KnownPath:
    return KnownPath(text, Evidence.SEEN)


def _inferred(text: str) -> KnownPath:
    return KnownPath(text, Evidence.INFERRED)


ENDPOINTS = (
    Endpoint(
        name="lead_update",
        submit_path="/lead/update",
        submit=(_documented("/lead/update"), _inferred("/v2/LeadManagement.svc/Lead.Update")),
        status=(_inferred("/lead/update/status"), _inferred("/lead/status")),
        metrics=(_inferred("/lead/update/metrics"),),
        task_type="Lead Update",
        id_key="RequestID",
    ),
    Endpoint(
        name="lead_capture",
        submit_path="/lead/capture",
        submit=(_documented("/lead/capture"), _seen("/v2/LeadManagement.svc/Lead.Capture")),
        status=(_documented("/lead/status"), _inferred("/lead/capture/status")),
        metrics=(_inferred("/lead/capture/metrics"),),
        task_type="Lead Capture",
        id_key="RequestId",
    ),
    Endpoint(
        name="opportunity_capture",
        submit_path="/opportunity/capture",
        submit=(_documented("/opportunity/capture"), _inferred("/v2/OpportunityManagement.svc/Capture")),
        status=(_inferred("/opportunity/capture/status"),),
        metrics=(_inferred("/opportunity/capture/metrics"),),
        task_type="Opportunity Capture",
        id_key="RequestId",
    ),
    Endpoint(
        name="opportunity_update",
        submit_path="/opportunity/update",
        submit=(_documented("/opportunity/update"), _inferred("/v2/OpportunityManagement.svc/Update")),
        status=(_inferred("/opportunity/update/status"),),
        metrics=(_inferred("/opportunity/update/metrics"),),
        task_type="Opportunity Update",
        id_key="RequestID",
    ),
    Endpoint(
        name="activity_create",
        submit_path="/activity/create",
        submit=(_documented("/activity/create"), _inferred("/v2/ProspectActivity.svc/Create")),
        status=(_inferred("/activity/create/status"),),
        metrics=(_inferred("/activity/create/metrics"),),
        task_type="Activity Create",
        id_key="RequestId",
    ),
    Endpoint(
        name="activity_create_custom",
        submit_path="/activity/createcustom",
        submit=(_documented("/activity/createcustom"), _inferred("/v2/ProspectActivity.svc/CreateCustom")),
        status=(_inferred("/activity/createcustom/status"),),
        metrics=(_documented("/activity/createcustom/metrics"),),
        task_type="Activity Create Custom",
        id_key="RequestId",
        metrics_rate_key="ProcessingratePerMinute",
    ),
    # The connector's key and an id follow the path.
    Endpoint(
        name="call_log",
        submit_path="/1/api/telephony/logcallcomplete",
        submit=(
            _documented("/1/api/telephony/logcallcomplete/*"),
            _documented("/1/api/telephony/logcallcomplete/*/*"),
            _seen("/2/api/telephony/logcallcomplete/*/*"),
            _inferred("/*/api/telephony/logcallcomplete/*"),
            _inferred("/*/api/telephony/logcallcomplete/*/*"),
            _inferred("/*/api/telephony/logcallcomplete"),
        ),
        status=(
            _documented("/1/api/telephony/logcallcomplete/status"),
            _inferred("/2/api/telephony/logcallcomplete/status"),
        ),
        metrics=(
            _inferred("/1/api/telephony/logcallcomplete/metrics"),
            _inferred("/2/api/telephony/logcallcomplete/metrics"),
        ),
        task_type="Telephony-LogCall",
        id_key="RequestId",
    ),
)

BY_NAME = {endpoint.name: endpoint for endpoint in ENDPOINTS}
DEFAULT_API = "lead_update"

# Only the first three are documented; the others follow their pattern.
REGIONS = {
    "india": "https://asyncapi-in21.leadsquared.com",
    "us": "https://asyncapi-us11.leadsquared.com",
    "singapore": "https://asyncapi.leadsquared.com",
    "india_hyderabad": "https://asyncapi-in22.leadsquared.com",
    "ireland": "https://asyncapi-ir31.leadsquared.com",
    "canada": "https://asyncapi-ca12.leadsquared.com",
    "middle_east": "https://asyncapi-me61.leadsquared.com",
    "jakarta": "https://asyncapi-id51.leadsquared.com",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What an account may do: `calls` in 5 seconds, and in 24 hours `daily`, None where the vendor publishes no number."""

    calls: int
    daily: int | None = None


# As the vendor's newer table gives them, and the older one where the newer is silent. The day's number grows with the users of
# the account, which nobody knows here.
PLANS = {
    "lite": Plan(2),
    "pro": Plan(10, 10_000),
    "super": Plan(20, 100_000),
    "basic": Plan(10),
    "standard": Plan(15),
    "enterprise": Plan(25),
}
