"""The seven asynchronous APIs and the regional hosts, as data.

Most status and metrics paths are inferred from the few that are documented; each can be changed in the configuration.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One asynchronous API. `task_type` and the spelling of the id in a status answer are the vendor's."""

    name: str
    submit_path: str
    status_path: str
    metrics_path: str
    task_type: str
    id_key: str
    metrics_rate_key: str = "ProcessingRatePerMinute"


ENDPOINTS = (
    Endpoint(
        name="lead_update",
        submit_path="/lead/update",
        status_path="/lead/update/status",
        metrics_path="/lead/update/metrics",
        task_type="Lead Update",
        id_key="RequestID",
    ),
    Endpoint(
        name="lead_capture",
        submit_path="/lead/capture",
        status_path="/lead/status",
        metrics_path="/lead/capture/metrics",
        task_type="Lead Capture",
        id_key="RequestId",
    ),
    Endpoint(
        name="opportunity_capture",
        submit_path="/opportunity/capture",
        status_path="/opportunity/capture/status",
        metrics_path="/opportunity/capture/metrics",
        task_type="Opportunity Capture",
        id_key="RequestId",
    ),
    Endpoint(
        name="opportunity_update",
        submit_path="/opportunity/update",
        status_path="/opportunity/update/status",
        metrics_path="/opportunity/update/metrics",
        task_type="Opportunity Update",
        id_key="RequestID",
    ),
    Endpoint(
        name="activity_create",
        submit_path="/activity/create",
        status_path="/activity/create/status",
        metrics_path="/activity/create/metrics",
        task_type="Activity Create",
        id_key="RequestId",
    ),
    Endpoint(
        name="activity_create_custom",
        submit_path="/activity/createcustom",
        status_path="/activity/createcustom/status",
        metrics_path="/activity/createcustom/metrics",
        task_type="Activity Create Custom",
        id_key="RequestId",
        metrics_rate_key="ProcessingratePerMinute",
    ),
    Endpoint(
        name="call_log",
        submit_path="/1/api/telephony/logcallcomplete",
        status_path="/1/api/telephony/logcallcomplete/status",
        metrics_path="/1/api/telephony/logcallcomplete/metrics",
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

# Calls in 5 seconds by plan, as the vendor's newer table gives them and the older one where the newer is silent.
PLANS = {"lite": 2, "pro": 10, "super": 20, "basic": 10, "standard": 15, "enterprise": 25}
