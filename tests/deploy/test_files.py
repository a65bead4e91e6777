"""What operations install: each file keeps to its own schema, and names only what there is."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
from prometheus_client import REGISTRY
from ruamel.yaml import YAML

import cds_service.metrics
from cds_service.app import create_app
from cds_service.cli import WRONG_USE, parser
from cds_service.settings import VARIABLES, read_settings

ROOT = Path(__file__).parents[2]
MANIFESTS = sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))
UPGRADE = sorted((ROOT / "deploy/kubernetes/upgrade").glob("*.yaml"))
MONITORING = (
    ROOT / "deploy/prometheus/alerts.yml",
    ROOT / "deploy/grafana/dashboards/cds-service.json",
)
KUBERNETES = "1.34"

Json = dict[str, Any]


def yaml(path: Path) -> Json:
    loaded: Json = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    return loaded


COMPOSE = yaml(ROOT / "docker-compose.yml")
ADDED = {path.stem: yaml(path) for path in sorted((ROOT / "deploy").glob("compose.*.yml"))}
COMPONENTS = {
    path.parent.name: yaml(path)
    for path in sorted((ROOT / "deploy/kubernetes").glob("*/kustomization.yaml"))
    if yaml(path)["kind"] == "Component"
}


@pytest.mark.parametrize(
    "compose", [COMPOSE, *ADDED.values()], ids=["docker-compose", *ADDED]
)  # fmt: skip
def test_a_compose_file_keeps_to_the_specification(compose: Json) -> None:
    schemas = files("check_jsonschema") / "builtin_schemas" / "vendor"
    schema = json.loads((schemas / "compose-spec.json").read_text(encoding="utf-8"))
    jsonschema.validate(compose, schema)


@pytest.mark.parametrize(("name", "added"), ADDED.items(), ids=ADDED)
def test_what_is_put_on_top_of_the_compose_file_fits(name: str, added: Json) -> None:
    assert set(added["services"]) <= set(COMPOSE["services"])
    for service in added["services"].values():
        mounted = {f"/run/secrets/{each}" for each in service["secrets"]}
        environment = service["environment"]
        named = {value for key, value in environment.items() if value and key.endswith("_FILE")}
        assert named == mounted
        assert set(service["secrets"]) == set(added["secrets"])
        assert set(service["networks"]) == set(added["networks"])
    page = (ROOT / "docs/operate.md").read_text(encoding="utf-8")
    assert f"-f deploy/{name}.yml" in page


Given = dict[str, str | None]  # None takes a setting out


def settings_of_components() -> dict[str, Given]:
    found = {}
    for name, component in COMPONENTS.items():
        for patch in component["patches"]:
            changed = YAML(typ="safe", pure=True).load(patch["patch"])
            assert patch["target"] == {"kind": "ConfigMap", "name": "settings"}
            kubernetes_validate.validate(changed, KUBERNETES, strict=True)
            found[name] = changed["data"]
    return found


@pytest.mark.parametrize("values", settings_of_components().values(), ids=COMPONENTS)
def test_a_component_of_kustomize_names_files_that_are_mounted(values: Given) -> None:
    (volume,) = yaml(ROOT / "deploy/kubernetes/deployment.yaml")["spec"]["template"]["spec"][
        "containers"
    ][0]["volumeMounts"][:1]
    named = [value for name, value in values.items() if value and name.endswith("_FILE")]
    assert all(value.startswith(f"{volume['mountPath']}/") for value in named)


# --- who may see insight, out of the box ---


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """Make the secrets as `make secrets` does, and those that others give out."""
    shutil.copy(ROOT / "deploy/secrets.sh", tmp_path)
    folder = tmp_path / "secrets"
    folder.mkdir()
    make_secrets(tmp_path)
    for name in ("smart_client_secret", "oidc_client_secret"):
        (folder / name).write_text("as-it-was-given\n", encoding="utf-8")
    return folder


def make_secrets(folder: Path) -> str:
    return subprocess.run(
        ["sh", "secrets.sh"], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


def test_secrets_are_made_once_each_another_and_what_is_missing_is_added(secrets: Path) -> None:
    assert secrets.stat().st_mode & 0o777 == 0o700
    made = {each.name: each.read_text(encoding="utf-8") for each in secrets.iterdir()}
    assert made["database_password"] in made["database_url"]
    random = [made[name] for name in ("database_password", "hash_key", "admin_password")]
    assert len({each for each in random if len(each) == 48}) == 3
    (secrets / "admin_password").unlink()
    assert make_secrets(secrets.parent) == "made deploy/secrets/admin_password\n"
    again = {each.name: each.read_text(encoding="utf-8") for each in secrets.iterdir()}
    assert {name for name, value in again.items() if made[name] != value} == {"admin_password"}


def installed() -> dict[str, Given]:
    """Return what each way to install sets: alone, with each addition, and with all."""
    container = COMPOSE["services"]["service"]["environment"]
    pod = yaml(ROOT / "deploy/kubernetes/settings.yaml")["data"]
    added = {name: each["services"]["service"]["environment"] for name, each in ADDED.items()}
    components = settings_of_components()
    found = {"docker-compose": container, "kubernetes": pod}
    found |= {f"docker-compose and {name}": container | each for name, each in added.items()}
    found |= {f"kubernetes and {name}": pod | each for name, each in components.items()}
    for name, base, additions in (
        ("docker-compose", container, added), ("kubernetes", pod, components)
    ):  # fmt: skip
        whole = dict(base)
        for each in additions.values():
            whole |= each
        found[f"{name} and all"] = whole
    return found


@pytest.mark.parametrize("given", installed().values(), ids=installed())
def test_what_is_installed_starts_and_asks_who_wants_insight(
    given: Given, secrets: Path, tmp_path: Path
) -> None:
    examples = {
        key: value for each in settings_of_components().values() for key, value in each.items()
    }
    environment = {}
    for name, value in given.items():
        if value is None:
            continue
        filled = str(examples[name]) if value.startswith("${") else value
        in_file = name.endswith("_FILE")
        environment[name] = str(secrets / Path(value).name) if in_file else filled
    settings = read_settings(environment)
    assert settings.database is not None
    app = create_app(dataclasses.replace(settings, database=f"sqlite:///{tmp_path}/store.db"))
    browser = app.test_client()
    assert browser.get("/insight").status_code == 303
    page = browser.get("/insight", follow_redirects=True)
    assert page.status_code == 200
    assert ("Sign in with your account" in page.text) == (settings.oidc_issuer is not None)
    assert ('type="password"' in page.text) == (settings.admin_password is not None)
    app.extensions["journal"].close()


def test_the_secret_of_kubernetes_has_every_file_that_is_named() -> None:
    told = (ROOT / "deploy/kubernetes/kustomization.yaml").read_text(encoding="utf-8")
    data = yaml(ROOT / "deploy/kubernetes/settings.yaml")["data"]
    named = [Path(value).name for name, value in data.items() if name.endswith("_FILE")]
    assert re.findall(r"--from-literal=(\w+)=", told) == named


# --- containers and manifests ---


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_container_can_change_nothing_but_its_volumes(name: str) -> None:
    container = COMPOSE["services"][name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in container["security_opt"]
    assert "privileged" not in container
    assert not any("docker.sock" in volume for volume in container.get("volumes", []))
    assert all(port.startswith("127.0.0.1:") for port in container.get("ports", []))
    health = "build" in container or "healthcheck" in container
    assert health, "the image of the service brings its own check"


def test_what_the_compose_file_mounts_is_there() -> None:
    for container in COMPOSE["services"].values():
        for volume in container.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith("./") or (ROOT / source).exists(), source
            assert source.startswith("./") or source in COMPOSE["volumes"], source
        assert set(container.get("secrets", [])) <= set(COMPOSE["secrets"])
    made = (ROOT / "deploy/secrets.sh").read_text(encoding="utf-8")
    for secret in COMPOSE["secrets"].values():
        assert re.search(rf"^secret {Path(secret['file']).name} ", made, flags=re.MULTILINE)


@pytest.mark.parametrize(
    "path", [*MANIFESTS, *UPGRADE], ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_a_manifest_keeps_to_its_schema(path: Path) -> None:
    manifest = yaml(path)
    if manifest["kind"] != "Kustomization":
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_kustomize_takes_every_manifest() -> None:
    named = yaml(ROOT / "deploy/kubernetes/kustomization.yaml")["resources"]
    assert sorted(named) == [path.name for path in MANIFESTS if path.stem != "kustomization"]


def pods() -> dict[str, Json]:
    found = {}
    for path in (*MANIFESTS, *UPGRADE):
        manifest = yaml(path)
        if manifest["kind"] in {"Deployment", "Job"}:
            found[path.stem] = manifest["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize(("name", "pod"), pods().items(), ids=pods())
def test_a_pod_keeps_to_the_restricted_standard(name: str, pod: Json) -> None:
    assert pod["automountServiceAccountToken"] is False, name
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }
        parser().parse_args(container["args"])


def test_the_job_of_an_upgrade_is_the_service_itself() -> None:
    """The same tag, settings and secrets; it answers no calls, and wrong use is not tried again."""
    service, job = pods()["deployment"], pods()["migrations"]
    for key in ("envFrom", "image", "securityContext"):
        assert job["containers"][0][key] == service["containers"][0][key]
    assert job["volumes"][0] == service["volumes"][0]
    assert job["containers"][0]["volumeMounts"][0] == service["containers"][0]["volumeMounts"][0]
    tags = [
        yaml(ROOT / "deploy/kubernetes" / folder / "kustomization.yaml")
        for folder in ("", "upgrade")
    ]
    assert tags[0]["images"] == tags[1]["images"]
    assert tags[0]["namespace"] == tags[1]["namespace"]
    assert tags[1]["resources"] == ["migrations.yaml"]
    spec = yaml(ROOT / "deploy/kubernetes/upgrade/migrations.yaml")["spec"]
    calls = yaml(ROOT / "deploy/kubernetes/service.yaml")["spec"]["selector"]
    assert spec["template"]["metadata"]["labels"] != calls
    (rule,) = spec["podFailurePolicy"]["rules"]
    assert rule["onExitCodes"]["values"] == [WRONG_USE]
    assert rule["onExitCodes"]["containerName"] == job["containers"][0]["name"]


def test_every_selector_finds_the_pods_of_the_service() -> None:
    manifests = {path.stem: yaml(path) for path in MANIFESTS}
    labels = manifests["deployment"]["spec"]["template"]["metadata"]["labels"]
    assert manifests["deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert manifests["disruption"]["spec"]["selector"]["matchLabels"] == labels
    assert manifests["service"]["spec"]["selector"] == labels


def test_the_network_lets_in_and_out_what_the_service_needs_and_no_more() -> None:
    manifests = {path.stem: yaml(path) for path in MANIFESTS}
    policy = manifests["network"]["spec"]
    assert policy["podSelector"] == {}, "pods that have no rule of their own too"
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    (container,) = manifests["deployment"]["spec"]["template"]["spec"]["containers"]
    (door,) = policy["ingress"]
    assert [each["port"] for each in door["ports"]] == [
        each["containerPort"] for each in container["ports"]
    ]
    assert door["from"], "not from everywhere"
    (out,) = policy["egress"]
    assert {(each["protocol"], each["port"]) for each in out["ports"]} == {
        ("UDP", 53), ("TCP", 53), ("TCP", 5432), ("TCP", 443),
    }  # fmt: skip


def test_the_autoscaler_alone_says_how_many_replicas() -> None:
    manifests = {path.stem: yaml(path) for path in MANIFESTS}
    deployment, scaler = manifests["deployment"], manifests["autoscaler"]["spec"]
    assert scaler["scaleTargetRef"] == {
        "apiVersion": deployment["apiVersion"],
        "kind": deployment["kind"],
        "name": deployment["metadata"]["name"],
    }
    assert "replicas" not in deployment["spec"]
    assert scaler["minReplicas"] > manifests["disruption"]["spec"]["maxUnavailable"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["requests"]["cpu"], "what its percentage is of"


def test_only_settings_that_there_are_are_set() -> None:
    container = COMPOSE["services"]["service"]["environment"]
    pod = yaml(ROOT / "deploy/kubernetes/settings.yaml")["data"]
    image = dict(
        re.findall(r"\b(CDS_\w+)=(\S+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    )
    more = [each["services"]["service"]["environment"] for each in ADDED.values()]
    for environment in (container, pod, image, *more, *settings_of_components().values()):
        names = {name.removesuffix("_FILE") for name in environment if name.startswith("CDS_")}
        assert names <= set(VARIABLES)
        given = {name: value for name, value in environment.items() if value and "$" not in value}
        read_settings({name: value for name, value in given.items() if "_FILE" not in name})


@pytest.mark.parametrize("path", MONITORING, ids=lambda path: path.name)
def test_only_metrics_that_there_are_are_watched(path: Path) -> None:
    counted = {name for metric in REGISTRY.collect() for name in _names(metric)}
    asked = set(re.findall(r"\bcds_\w+", path.read_text(encoding="utf-8")))
    assert asked
    assert asked <= counted, cds_service.metrics.__doc__


def _names(metric: Any) -> list[str]:  # noqa: ANN401  of a class that prometheus_client keeps to itself
    endings = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}
    return [f"{metric.name}{ending}" for ending in endings.get(metric.type, [""])]


def test_every_alert_says_what_to_do() -> None:
    rules = [
        rule
        for group in yaml(ROOT / "deploy/prometheus/alerts.yml")["groups"]
        for rule in group["rules"]
    ]
    operate = (ROOT / "docs/operate.md").read_text(encoding="utf-8")
    for rule in rules:
        assert rule["labels"]["severity"] in {"page", "morning"}
        assert rule["annotations"]["runbook"] == f"docs/operate.md#{rule['alert'].lower()}"
        assert f"### {rule['alert']}\n" in operate


def test_the_image_gets_what_it_is_built_from() -> None:
    sent = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    copied = [
        source.rstrip("/")
        for words in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, flags=re.MULTILINE)
        for source in words.split()
    ]
    assert sorted(sent) == sorted(copied)
    assert all((ROOT / source).exists() for source in copied)
    assert re.search(r"^USER \d+:\d+$", dockerfile, flags=re.MULTILINE), "a number, not root"
