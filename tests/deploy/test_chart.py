import json
import re
import subprocess
from base64 import b64decode
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.catalogue import ALERTS
from alerts.rules import rules
from alerts.site import LABELS, Site
from alerts.thresholds import STANDARD
from deploy import render
from deploy.values import CHART, values
from exporter import __version__
from exporter.metrics.families import FAMILIES
from exporter.web.pages import ICON
from tests.deploy.manifests import documents, exporter, one, pod
from tests.deploy.test_renderings import SETS

ROOT = Path(__file__).parents[2]
# What the Prometheus operator adds to a target.
OPERATORS = {"namespace", "service", "pod", "container", "endpoint", "job", "instance", "node"}
METADATA = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))


def template(*arguments: str) -> str:
    return render.helm("template", "watch", CHART, *arguments)


def refused(*arguments: str) -> str:
    """What Helm says to values that do not fit."""
    with pytest.raises(subprocess.CalledProcessError) as failed:
        template(*arguments)
    error: str = failed.value.stderr
    return error


@pytest.mark.parametrize("path", SETS, ids=lambda path: path.stem)
def test_helm_finds_nothing_to_complain_of(path: Path, charts: Path) -> None:
    chart = "example-application" if path.name.startswith("sidecar") else "leadsquared-exporter"
    assert "0 chart(s) failed" in render.helm("lint", "--strict", charts / chart, "--values", path)


def test_the_chart_installs_this_version() -> None:
    assert METADATA["appVersion"] == __version__
    application = yaml.safe_load((render.CHARTS / "example-application" / "Chart.yaml").read_text("utf-8"))
    assert application["dependencies"][0]["version"] == METADATA["version"]


def test_every_value_is_described_and_every_value_of_the_schema_is_there() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    described = values()
    assert [one.key for one in described if not one.meaning] == []
    keys = {one.key.partition(".")[0] for one in described}
    # What Helm itself says to a chart that another one depends on.
    assert schema["properties"].keys() - keys == {"global", "enabled"}
    for name, section in schema["properties"].items():
        below = {one.key.split(".")[1] for one in described if one.key.startswith(f"{name}.")}
        assert not below or below == section["properties"].keys()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("persistance.enabled=false", "additional properties 'persistance' not allowed"),
        ("persistence.sise=1Gi", "at '/persistence': additional properties 'sise' not allowed"),
        ("replicas=2", "additional properties 'replicas' not allowed"),
        ("mode=deamon", "at '/mode': value must be one of 'standalone', 'sidecar'"),
        ("configReloadInterval=30", "at '/configReloadInterval': got number, want string"),
        ("image.digest=latest", "at '/image/digest': 'latest' does not match pattern"),
        ("web.port=80", "at '/web/port': minimum: got 80, want 1,024"),
        ("persistence.accessMode=ReadWriteMany", "at '/persistence/accessMode': value must be one of"),
        ("gateways[0].name=metrics,gateways[0].port=10041", "at '/gateways/0/name': 'not' failed"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(given: str, told: str) -> None:
    assert told in refused("--set", given)


@pytest.mark.parametrize("line", ["    api_key: k", "  - {name: acme, api_key: k}", '    "api_key": k'])
def test_a_key_does_not_get_into_a_config_map(line: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(f"accounts:\n{line}\n")
    assert "api_key would be in a ConfigMap" in refused("--set-file", f"config={tmp_path}/config.yaml")


@pytest.mark.parametrize("line", ["    api_key_file: acme.key", "    # api_key: k", "    api_key_env: KEY"])
def test_where_a_key_is_found_does(line: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(f"accounts:\n{line}\n")
    rendered = documents(template("--set-file", f"config={tmp_path}/config.yaml"))
    assert line in one("ConfigMap", rendered)["data"]["config.yaml"]


@pytest.mark.parametrize("mode", ["standalone", "sidecar"])
def test_the_operator_does_not_rename_labels_of_the_exporter(mode: str) -> None:
    """Where a target has a label of the same name, Prometheus renames the one that was scraped."""
    (monitor,) = documents(
        template("--set", f"mode={mode},monitor.enabled=true", "--show-only", "templates/monitor.yaml")
    )
    (endpoint,) = monitor["spec"]["podMetricsEndpoints" if mode == "sidecar" else "endpoints"]
    dropped = {one["regex"] for one in endpoint["relabelings"] if one.get("action") == "labeldrop"}
    gone = {label for label in OPERATORS if any(re.fullmatch(pattern, label) for pattern in dropped)}
    assert (OPERATORS - gone) & {label for family in FAMILIES for label in family.labels} == set()


def test_a_kubernetes_without_sidecars_is_refused_where_one_is_to_run() -> None:
    told = "mode sidecar needs Kubernetes 1.29"
    assert told in refused("--kube-version", "1.28.0", "--set", "mode=sidecar")
    assert template("--kube-version", "1.28.0")
    assert "which is incompatible with Kubernetes v1.24.0" in refused("--kube-version", "1.24.0")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("gateways[0].name=acme,gateways[0].port=10040", "gateways[0].port: 10040 is that of web.port already"),
        (
            "gateways[0].name=a,gateways[0].port=10041,gateways[1].name=b,gateways[1].port=10041",
            "gateways[1].port: 10041 is that of gateways[0].port already",
        ),
        (
            "gateways[0].name=a,gateways[0].port=10041,gateways[1].name=a,gateways[1].port=10042",
            "gateways[1].name: a is that of gateways[0].name already",
        ),
    ],
)
def test_two_things_on_one_port_or_of_one_name_are_refused(given: str, told: str) -> None:
    assert told in refused("--set", given)


@pytest.mark.parametrize(
    ("config", "scheme"),
    [
        ("# tls_server_config: {cert_file: tls.crt, key_file: tls.key}\nbasic_auth_users: {a: b}\n", "HTTP"),
        ("tls_server_config: {cert_file: tls.crt, key_file: tls.key}\n", "HTTPS"),
    ],
)
def test_probes_speak_tls_where_the_configuration_does(config: str, scheme: str, tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(config)
    container = exporter(pod(documents(template("--set-file", f"web.config={tmp_path}/web.yaml"))))
    assert container["livenessProbe"]["httpGet"]["scheme"] == scheme


def test_a_web_configuration_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text("a: [b\n")
    assert "web.config is no YAML" in refused("--set-file", f"web.config={tmp_path}/web.yaml")


def test_names_are_as_long_as_kubernetes_allows_and_no_two_objects_have_one() -> None:
    long = "n" * 63
    everything = "dashboards.enabled=true,prometheusRule.enabled=true,secrets.a=b,networkPolicy.enabled=true,monitor.enabled=true"
    rendered = documents(template("--set", f"fullnameOverride={long},{everything}"))
    names = [(one["kind"], one["metadata"]["name"]) for one in rendered]
    assert len(set(names)) == len(names)
    assert [name for kind, name in names if len(name) > (253 if kind == "ConfigMap" else 63)] == []


def test_another_namespace_is_that_of_everything_and_of_every_address() -> None:
    everything = (
        "dashboards.enabled=true,prometheusRule.enabled=true,monitor.enabled=true,secrets.a=b,networkPolicy.enabled=true,"
        "podDisruptionBudget.enabled=true,ingress.enabled=true,ingress.hosts={lsq.example.com},httpRoute.enabled=true,"
        "httpRoute.parentRefs[0].name=internal,prometheusRule.inhibit=true"
    )
    rendered = documents(template("--namespace", "crm", "--set", f"namespaceOverride=watching,{everything}"))
    assert {one["metadata"].get("namespace") for one in rendered} == {"watching"}
    assert "watch-leadsquared-exporter.watching:10040/runbooks" in json.dumps(rendered)


def test_the_pages_are_reached_from_outside_by_ingress_or_route() -> None:
    given = (
        "ingress.enabled=true,ingress.hosts={lsq.example.com},httpRoute.enabled=true,httpRoute.parentRefs[0].name=internal,"
        "httpRoute.hostnames={lsq.example.com}"
    )
    rendered = documents(template("--set", given))
    (path,) = one("Ingress", rendered)["spec"]["rules"][0]["http"]["paths"]
    assert path["backend"]["service"] == {"name": "watch-leadsquared-exporter", "port": {"name": "metrics"}}
    (rule,) = one("HTTPRoute", rendered)["spec"]["rules"]
    assert rule["backendRefs"] == [{"name": "watch-leadsquared-exporter", "port": 10040}]
    assert "name the host that operators call" in refused("--set", "ingress.enabled=true")
    assert "name the Gateway" in refused("--set", "httpRoute.enabled=true")


def test_a_pod_resolves_names_as_it_is_told() -> None:
    given = "dnsPolicy=None,dnsConfig.nameservers={10.0.0.2},hostAliases[0].ip=10.0.0.5,hostAliases[0].hostnames={a.example}"
    spec = pod(documents(template("--set", given)))
    assert (spec["dnsPolicy"], spec["dnsConfig"]) == ("None", {"nameservers": ["10.0.0.2"]})
    assert spec["hostAliases"] == [{"ip": "10.0.0.5", "hostnames": ["a.example"]}]


def test_more_objects_are_rendered_with_the_release_as_maps_and_as_text(tmp_path: Path) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-two'}\n"
    first = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-one"}}
    (tmp_path / "values.yaml").write_text(json.dumps({"extraObjects": [first, text]}))
    names = {one["metadata"]["name"] for one in documents(template("--values", str(tmp_path / "values.yaml")))}
    assert {"watch-one", "watch-two"} <= names


def test_what_prometheus_takes_of_a_target_is_limited() -> None:
    given = "monitor.enabled=true,monitor.limits.sampleLimit=50000,monitor.podTargetLabels={team},monitor.jobLabel=team"
    (monitor,) = documents(template("--set", given, "--show-only", "templates/monitor.yaml"))
    spec = monitor["spec"]
    assert (spec["sampleLimit"], spec["podTargetLabels"], spec["jobLabel"]) == (50000, ["team"], "team")


def test_the_test_of_a_release_asks_whether_it_is_ready_and_scrapes_it() -> None:
    (test,) = documents(template("--show-only", "templates/tests/scrape.yaml"))
    asked, scraped = test["spec"]["containers"]
    assert asked["args"] == ["healthcheck", "--ready", "--url=http://watch-leadsquared-exporter:10040"]
    assert "http://watch-leadsquared-exporter:10040/metrics" in scraped["args"][0]
    compile(scraped["args"][0], "scrape", "exec")


def test_a_sidecar_is_included_in_that_mode_only(charts: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        render.helm(
            "template", "orders", charts / "example-application", "--set", "leadsquared-exporter.mode=standalone"
        )
    assert "leadsquared-exporter.mode is standalone; set it to sidecar" in failed.value.stderr


def test_an_application_goes_on_without_an_exporter_that_is_turned_off(charts: Path) -> None:
    off = ("--set", "leadsquared-exporter.enabled=false")
    rendered = documents(render.helm("template", "orders", charts / "example-application", *off))
    spec = pod(rendered)
    assert "initContainers" not in spec
    assert [container["name"] for container in spec["containers"]] == ["application"]
    assert "leadsquared-exporter" not in json.dumps(rendered)


def test_the_pods_of_an_application_have_what_the_exporters_image_is_pulled_with(charts: Path) -> None:
    given = ("--set", "leadsquared-exporter.imagePullSecrets[0].name=registry")
    spec = pod(documents(render.helm("template", "orders", charts / "example-application", *given)))
    assert spec["imagePullSecrets"] == [{"name": "registry"}]


def test_the_icon_is_that_of_the_pages() -> None:
    assert b64decode(METADATA["icon"].partition(",")[2]).decode() == ICON


def test_the_configuration_reaches_the_pod_word_for_word(tmp_path: Path) -> None:
    text = "# a remark\naccounts: []\n\n# 1e6 and 0010 stay what they are\nstorage: {max_pending: 1000000}\n"
    (tmp_path / "config.yaml").write_text(text)
    rendered = documents(template("--set-file", f"config={tmp_path}/config.yaml"))
    assert one("ConfigMap", rendered)["data"] == {"config.yaml": text}


def test_the_chart_carries_the_dashboards_as_grafana_wants_them() -> None:
    rendered = documents(
        template(
            "--set",
            "dashboards.enabled=true,web.externalUrl=http://localhost:10040",
            "--show-only",
            "templates/dashboards.yaml",
        )
    )
    carried = {name: content for document in rendered for name, content in document["data"].items()}
    assert carried == {path.name: path.read_text("utf-8") for path in (ROOT / "grafana").glob("*.json")}
    assert {document["metadata"]["labels"]["grafana_dashboard"] for document in rendered} == {"1"}
    assert len({document["metadata"]["name"] for document in rendered}) == len(carried)


def rendered_rules(*given: str) -> dict[str, Any]:
    (rule,) = documents(
        template("--set", "prometheusRule.enabled=true", *given, "--show-only", "templates/prometheusrule.yaml")
    )
    return rule


def test_the_chart_carries_the_rules_as_prometheus_wants_them() -> None:
    given = ("--set", "prometheusRule.labels.release=prometheus,web.externalUrl=http://localhost:10040")
    rule = rendered_rules(*given)
    rules = ROOT / "alerts" / "leadsquared-exporter.rules.yaml"
    assert rule["spec"] == yaml.safe_load(rules.read_text("utf-8"))
    assert rule["metadata"]["labels"]["release"] == "prometheus"


def test_numbers_targets_and_addresses_of_the_alerts_are_values(tmp_path: Path) -> None:
    given = {
        "thresholds": {"stale": 5400, "refused": 0.025},
        "selector": 'namespace="crm"',
        "keepLabels": ["team"],
        "runbooksUrl": "https://wiki.example.com/{alert}.md",
    }
    path = tmp_path / "values.yaml"
    path.write_text(json.dumps({"prometheusRule": given, "web": {"externalUrl": "https://lsq.example.com/x/"}}))
    rule = rendered_rules("--values", str(path))
    expected = rules(
        STANDARD.changed(stale=5400.0, refused=0.025),
        Site(
            selector='namespace="crm"',
            labels=(*LABELS, "team"),
            exporter="https://lsq.example.com/x",
            runbooks="https://wiki.example.com/{alert}.md",
        ),
    )
    assert rule["spec"] == yaml.safe_load(expected)


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("mode=standalone", "http://watch-leadsquared-exporter.crm:10040"),
        ("web.tls=true", "https://watch-leadsquared-exporter.crm:10040"),
        ("mode=sidecar", "http://localhost:10040"),
        ("web.externalUrl=https://lsq.example.com", "https://lsq.example.com"),
    ],
)
def test_an_alert_links_to_the_runbook_that_its_exporter_serves(given: str, base: str) -> None:
    rule = rendered_rules("--namespace", "crm", "--set", given)
    links = {
        alert["annotations"]["runbook_url"]
        for group in rule["spec"]["groups"]
        for alert in group["rules"]
        if "alert" in alert
    }
    assert links == {f"{base}/runbooks/{alert.name}" for alert in ALERTS}


def test_every_number_of_the_alerts_can_be_a_value_and_no_other() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    names = schema["properties"]["prometheusRule"]["properties"]["thresholds"]["properties"]
    assert names.keys() == {one.name for one in fields(STANDARD)}


def test_a_critical_alert_silences_the_warning_of_its_name_about_its_account() -> None:
    inhibited = ("--set", "prometheusRule.enabled=true,prometheusRule.inhibit=true")
    (config,) = documents(template(*inhibited, "--show-only", "templates/alertmanagerconfig.yaml"))
    plain = yaml.safe_load((ROOT / "deploy" / "compose" / "alertmanager" / "alertmanager.yaml").read_text("utf-8"))
    theirs = [
        {
            side: [f'{one["name"]} {one["matchType"]} "{one["value"]}"' for one in rule[side]]
            for side in ("sourceMatch", "targetMatch")
        }
        | {"equal": rule["equal"]}
        for rule in config["spec"]["inhibitRules"]
    ]
    assert theirs == [
        {"sourceMatch": rule["source_matchers"], "targetMatch": rule["target_matchers"], "equal": rule["equal"]}
        for rule in plain["inhibit_rules"]
    ]
    documented = re.search(
        "```yaml\n(inhibit_rules:.*?)```", (ROOT / "docs" / "alerts.md").read_text("utf-8"), re.DOTALL
    )
    assert documented is not None
    assert yaml.safe_load(documented[1])["inhibit_rules"] == plain["inhibit_rules"]


def test_the_sidecar_alone_starts_no_pod() -> None:
    rendered = documents(
        template("--set", "mode=sidecar,monitor.enabled=true,networkPolicy.enabled=true,prometheusRule.enabled=true")
    )
    assert sorted(document["kind"] for document in rendered) == ["ConfigMap", "PodMonitor", "PrometheusRule"]


def test_who_forgets_the_keys_is_told_so() -> None:
    warning = "WARNING: there is no Secret"
    notes = ("install", "watch", CHART, "--dry-run=client")
    assert warning in render.helm(*notes)
    assert warning not in render.helm(*notes, "--set", "existingSecrets={leadsquared-keys}")


def test_nobody_waits_for_a_claim_that_is_not_there() -> None:
    spec = pod(documents(template("--set", "persistence.enabled=false")))
    assert [volume["emptyDir"] for volume in spec["volumes"] if "emptyDir" in volume] == [{"sizeLimit": "1Gi"}]
