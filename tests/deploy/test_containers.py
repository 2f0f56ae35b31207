"""Holds Dockerfile and compose files: what they name exists, nothing runs as root, and nothing listens but on loopback.

No engine is needed: these read the files.
"""

import re
import shlex
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

import inspector
from inspector.cli.arguments.parser import parser
from inspector.settings import loading
from inspector.settings.sources.folder import FolderSourceSettings
from tests.deploy.test_systemd import setting
from tests.fakes import ROOT

DOCKER = ROOT / "deploy" / "docker"
#: What an engine makes of a Dockerfile's line ends.
STEPS = [
    (line.split(" ", 1)[0], line.split(" ", 1)[1])
    for line in re.sub(r"\\\n\s*", "", (DOCKER / "Dockerfile").read_text()).splitlines()
    if line and not line.startswith("#")
]
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = SERVICES["inspector"]
#: Where each of the others is told on which address to listen.
LISTENS = {
    "prometheus": r"--web\.listen-address=(\S+):\d+",
    "alertmanager": r"--web\.listen-address=(\S+):\d+",
    "grafana": r"GF_SERVER_HTTP_ADDR: (\S+)",
}


def steps(instruction: str) -> list[str]:
    return [arguments for name, arguments in STEPS if name == instruction]


def last_stage(instruction: str) -> list[str]:
    begins = max(number for number, (name, _) in enumerate(STEPS) if name == "FROM")
    return [arguments for name, arguments in STEPS[begins:] if name == instruction]


def mounts(service: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """Source, target and whether it is read-only."""
    parts = [volume.split(":") for volume in service["volumes"]]
    return [(part[0], part[1], part[2:] == ["ro"]) for part in parts]


def ignored(path: str) -> bool:
    """As .dockerignore has it: the last line that matches decides."""
    verdict = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#") and fnmatch(path, line.removeprefix("!")):
            verdict = not line.startswith("!")
    return verdict


def test_all_that_the_image_copies_is_there_and_is_sent_to_the_engine() -> None:
    copies = [shlex.split(copy)[:-1] for copy in steps("COPY") if not copy.startswith("--from=")]
    sources = [source for copy in copies for source in copy]

    assert {"inspector", "pyproject.toml"} <= set(sources)
    assert [source for source in sources if not (ROOT / source).exists() or ignored(source)] == []
    assert ignored("tests") and ignored(".git")


def test_all_that_the_package_is_built_of_is_copied() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    named = [*re.findall(r'^(?:readme) = "(.+)"$', project, re.MULTILINE), "LICENSE", "NOTICE", "inspector", "trainer"]

    assert [name for name in named if not any(name in copy.split() for copy in steps("COPY"))] == []


def test_the_image_runs_as_a_user_without_rights_and_has_neither_pip_nor_lists() -> None:
    user, group = last_stage("USER")[-1].split(":")
    (install,) = last_stage("RUN")

    assert 0 not in (int(user), int(group)) and f"--uid {user} " in install
    assert "rm -rf /var/lib/apt/lists" in install
    assert not re.search(r"\b(pip|gcc|build-essential|venv|dev)\b", install)
    assert any("venv --without-pip" in run for run in steps("RUN"))


def test_the_image_starts_a_command_that_parses_and_asks_for_its_health_where_a_line_answers() -> None:
    entry, command, (health,) = last_stage("ENTRYPOINT")[0], last_stage("CMD")[0], last_stage("HEALTHCHECK")
    options = parser().parse_args(yaml.safe_load(command))

    assert yaml.safe_load(entry) == ["inspector"] and options.command == "run"
    assert any(target == str(options.config) for _, target, _ in mounts(OURS))
    metrics = loading.load(ROOT / "configs" / "installed.yaml").metrics
    assert f"http://{metrics.host}:{metrics.port}/livez" in health


@pytest.mark.parametrize("image", [*steps("FROM"), *(service["image"] for service in SERVICES.values())])
def test_every_image_is_pinned_to_a_version(image: str) -> None:
    name, _, tag = image.split(" ")[0].rpartition(":")

    assert name and re.fullmatch(r"v?\d+\.\d+(\.\d+)?(-slim)?", tag)
    if name == "strip-inspector":
        assert tag == inspector.__version__


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_little_and_writes_only_where_it_must(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["driver"] == "local"
    for source, _, read_only in mounts(service):
        is_volume = source in COMPOSE["volumes"]
        assert is_volume or source == "/srv/strip" or (read_only and (DOCKER / source).exists()), source


@pytest.mark.parametrize("name", LISTENS)
def test_what_stands_beside_the_line_listens_on_loopback(name: str) -> None:
    service = SERVICES[name]
    text = yaml.safe_dump({key: service[key] for key in ("command", "environment") if key in service})

    assert service["network_mode"] == "host" and "ports" not in service
    assert re.findall(LISTENS[name], text) == ["127.0.0.1"]


def test_every_service_is_looked_at() -> None:
    assert set(SERVICES) == {"inspector", *LISTENS}
    assert set(LISTENS) | {"data"} == {"data", *COMPOSE["volumes"]}


def test_the_line_has_its_folders_where_its_config_says_and_ends_as_under_systemd() -> None:
    (config_file,) = [source for source, target, _ in mounts(OURS) if target == "/etc/strip-inspector.yaml"]
    settings = loading.load((DOCKER / config_file).resolve())
    writable = [Path(target) for _, target, read_only in mounts(OURS) if not read_only]

    assert last_stage("VOLUME") == [str(settings.data)] and settings.data in writable
    for source in settings.sources:
        assert isinstance(source, FolderSourceSettings) and any(source.path.is_relative_to(one) for one in writable)
    assert OURS["stop_grace_period"] == f"{setting('TimeoutStopSec')}s"
    assert f"{OURS['mem_limit']}".upper() == setting("MemoryMax") and str(OURS["pids_limit"]) == setting("TasksMax")


def test_the_addresses_between_the_services_are_those_they_listen_on() -> None:
    scraped = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    board = yaml.safe_load((ROOT / "deploy/grafana/provisioning/datasources/inspector.yml").read_text())
    boards = yaml.safe_load((ROOT / "deploy/grafana/provisioning/dashboards/inspector.yml").read_text())
    metrics = loading.load(ROOT / "configs" / "installed.yaml").metrics

    targets = [one for job in scraped["scrape_configs"] for group in job["static_configs"] for one in group["targets"]]
    assert targets == [f"{metrics.host}:{metrics.port}"]
    called = [one for group in scraped["alerting"]["alertmanagers"][0]["static_configs"] for one in group["targets"]]
    assert f"--web.listen-address={called[0]}" in SERVICES["alertmanager"]["command"]
    asked = board["datasources"][0]["url"].removeprefix("http://")
    assert f"--web.listen-address={asked}" in SERVICES["prometheus"]["command"]
    assert boards["providers"][0]["options"]["path"] in [target for _, target, _ in mounts(SERVICES["grafana"])]


def test_the_gpu_file_changes_the_line_alone_and_only_by_what_the_image_and_the_config_know() -> None:
    over = yaml.safe_load((DOCKER / "compose.gpu.yaml").read_text())["services"]

    assert set(over) == {"inspector"}
    names = {argument.split("=")[0] for argument in steps("ARG")}
    assert set(over["inspector"]["build"]["args"]) <= names
    with pytest.MonkeyPatch.context() as patch:
        for name, value in over["inspector"]["environment"].items():
            patch.setenv(name, value)
        assert loading.load(ROOT / "configs" / "installed.yaml").workers.device == "gpu"
