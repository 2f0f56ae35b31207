"""Holds the settings: who wins, what is refused, and that each refusal names file, key and what would be right."""

from collections.abc import Callable
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest

from inspector.cli import main
from inspector.errors import ConfigError
from inspector.protocol.control import receive, send
from inspector.settings import loading, terms
from inspector.settings.settings import MetricsSettings
from inspector.settings.sources.folder import FolderSourceSettings
from inspector.settings.terms import decide_by
from inspector.vision import bundle
from tests.inspector.settings.configs import folder, load, refused


def test_what_is_not_said_has_its_default(tmp_path: Path) -> None:
    settings = load(tmp_path)

    assert (settings.workers.count, settings.metrics.port, settings.metrics.host) == (2, 9108, "127.0.0.1")
    assert settings.bundle_path == bundle.DEFAULT
    source = settings.sources[0]
    assert isinstance(source, FolderSourceSettings)
    assert source.settle_ms == 200


def test_the_command_line_beats_the_environment_beats_the_file_beats_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = {"workers": {"count": 3, "max_batch": 3, "threads": 3}}
    monkeypatch.setenv("INSPECTOR_WORKERS__COUNT", "4")
    monkeypatch.setenv("INSPECTOR_WORKERS__MAX_BATCH", "4")

    workers = load(tmp_path, "workers.count=5", **file).workers

    assert (workers.count, workers.max_batch, workers.threads, workers.max_wait_ms) == (5, 4, 3, 10.0)


def test_the_last_of_two_overrides_wins(tmp_path: Path) -> None:
    assert load(tmp_path, "workers.count=5", "workers.count=6").workers.count == 6


@pytest.mark.parametrize("which", ["drop", "0"])
def test_a_source_is_addressed_by_name_or_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str) -> None:
    monkeypatch.setenv("INSPECTOR_SOURCES__DROP__SETTLE_MS", "77")

    (source,) = load(tmp_path, f"sources.{which}.path=/mnt/drop").sources

    assert isinstance(source, FolderSourceSettings)
    assert (source.path, source.settle_ms) == (Path("/mnt/drop"), 77)


def test_an_override_may_be_any_yaml(tmp_path: Path) -> None:
    settings = load(tmp_path, "decision.thresholds={ok: 0.9}", "record.defect_log=null", "log_level=DEBUG")

    assert settings.decision.thresholds == {"ok": 0.9}
    assert settings.record.defect_log is None


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("workers.cont=4", ["workers.cont", "no such setting", "count"]),
        ("worker.count=4", ["worker", "no such setting", "workers"]),
        ("workers.count=0", ["workers.count", "greater than or equal to 1", "got 0"]),
        ("workers.count=many", ["workers.count", "a whole number is needed", "many"]),
        ("workers.engine=tensorflow", ["workers.engine", "'tensorflow' is none of paddle, fake"]),
        ("metrics.port=70000", ["metrics.port", "65535", "70000"]),
        ("workers.max_batch=257", ["workers.max_batch", "256"]),
        ("decision.thresholds.ok=1.5", ["decision.thresholds.ok", "less than or equal to 1"]),
        ("sources.drop.settle=1", ["sources.0", "settle", "no such setting", "settle_ms"]),
        ("sources.drop.name=Drop One", ["sources.0.name", "up to 63 lower-case letters, digits", "Drop One"]),
        ("sources.drop.type=kamera", ["sources.0", "folder", "camera", "simulated"]),
        ("sources.cam.path=/x", ["sources.cam", "no such entry"]),
        ("sources.drop=5", ["sources.drop"]),
        ("sources.5.path=/x", ["sources.5", "no such entry"]),
        ("sources=[]", ["sources", "at least 1"]),
        ("data=", ["data"]),
        ("workers=4", ["workers"]),
        ("workers.count", ["workers.count", "key=value"]),
        ("=4", ["key=value"]),
        ("workers.count=[", ["workers.count", "not YAML"]),
        ("workers.count=2026-13-45", ["-o workers.count=2026-13-45", "a whole number is needed"]),
        ("delivery.frame_timeout_s=60", ["frame_timeout_s must be longer than workers.batch_timeout_s"]),
        ("delivery.in_flight_frames=5000", ["delivery.in_flight_frames", "4096"]),
        ("delivery.drain_s=.nan", ["delivery.drain_s"]),
        ("delivery.drain_s=.inf", ["delivery.drain_s"]),
        (
            "recipes=[{name: a, grade: X}]",
            ["recipes.0.grade", "no such setting; did you mean grades?"],
        ),
        ("recipes=[{name: A}]", ["recipes.0.name", "lower-case letters", "'A'"]),
        ("recipes=[{name: a, grades: [1.4310]}]", ["recipes.0.grades.0", "in quotes", "got 1.431"]),
        ("recipes=[{name: a, grades: ['DC 06 ']}]", ["recipes.0.grades.0", "DC 06 "]),
        ("recipes=[{name: a, thresholds: {ok: 2}}]", ["recipes.0.thresholds.ok", "less than or equal to 1"]),
        (
            "recipes=[{name: a, severities: {scratches: none}}]",
            ["recipes.0.severities", "minor, major, critical"],
        ),
        ("recipes=[{name: a}, {name: a}]", ["recipes: two recipes are called a"]),
        ("recipes=[{name: a, grades: [X, Y]}, {name: b, grades: [Y]}]", ["recipes: Y is in two recipes"]),
        ("recipes=[{name: a, grades: [X, X]}]", ["recipes: X is in two recipes, or twice in one"]),
        (
            "decision.severities={scratches: bad}",
            ["severities.scratches", "'bad' is none of minor, major"],
        ),
    ],
)
def test_what_cannot_be_is_refused_with_its_key_and_what_would_be_right(
    tmp_path: Path, override: str, parts: list[str]
) -> None:
    message = refused(tmp_path, override)

    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("data", lambda odd: {"data": odd}),
        ("bundle", lambda odd: {"bundle": odd}),
        ("record.defect_log", lambda odd: {"record": {"defect_log": odd}}),
        ("sources.0.path", lambda odd: {"sources": [{"name": "a", "type": "folder", "path": odd}]}),
        ("sources.0.path", lambda odd: {"sources": [{"name": "a", "type": "push", "path": odd}]}),
        ("sources.0.path", lambda odd: {"sources": [{"name": "a", "type": "replay", "path": odd}]}),
        ("sources.0.clients", lambda odd: {"sources": [{"name": "a", "type": "push", "clients": odd}]}),
    ],
)
def test_a_path_that_no_file_can_have_is_refused_with_its_key(
    tmp_path: Path, key: str, change: Callable[[str], dict[str, Any]]
) -> None:
    assert f"line.yaml: {key}: a NUL or half a character" in refused(tmp_path, **change("a\0b"))
    with pytest.raises(ConfigError, match=rf"line\.yaml: {key}"):
        load(tmp_path, **change("a\ud800b"))
    assert refused(tmp_path, r'data="a\0b"').startswith("-o data=")
    assert "metrics.host: a NUL" in refused(tmp_path, metrics={"host": "a\0b"})


def test_a_bad_environment_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECTOR_WORKRES__COUNT", "4")

    assert "INSPECTOR_WORKRES__COUNT" in refused(tmp_path)


def test_a_bad_override_is_named_and_not_the_file(tmp_path: Path) -> None:
    assert refused(tmp_path, "workers.count=0").startswith("-o workers.count=0: workers.count: ")


def test_the_file_is_named(tmp_path: Path) -> None:
    assert refused(tmp_path, workers={"cuont": 1}).startswith(f"{tmp_path / 'line.yaml'}: workers.cuont: ")


def test_all_mistakes_are_told_at_once_each_in_a_line_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, "metrics.prot=1", workers={"count": 0, "max_wiat_ms": 0})

    first, second, third = str(caught.value).splitlines()
    assert first.startswith(f"{tmp_path / 'line.yaml'}: workers.count: ")
    assert second.startswith(
        f"{tmp_path / 'line.yaml'}: workers.max_wiat_ms: no such setting; did you mean max_wait_ms?"
    )
    assert third.startswith("-o metrics.prot=1: metrics.prot: no such setting; did you mean port?")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "just words", "{", "a: b: c", "\t", "\x00", "1: 2", "data: !!python/object:os.system x", "? [a]\n: b",
     "since: 2026-13-45", "data: &d [*d]", "data: x\nsources: 5", "data: x\nsources: [5]", "data: x\nsources: [{}]"],
)  # fmt: skip
def test_a_file_that_is_no_config_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "line.yaml").write_text(text)

    with pytest.raises(ConfigError, match=r"line\.yaml: "):
        loading.load(tmp_path / "line.yaml")


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"data: Stra\xdfe")

    for name, reason in [("none.yaml", "No such file"), ("", "directory"), ("latin.yaml", "not YAML")]:
        with pytest.raises(ConfigError, match=reason):
            loading.load(tmp_path / name)


@pytest.mark.parametrize(
    "twice",
    [
        "workers: {count: 1}\nworkers: {count: 2}\n",
        "workers: {count: 1, count: 1}\n",
        "workers: {'count': 1, count: 2}\n",
        "workers:\n  count: 1\n  max_batch: 4\n  count: 2\n",
    ],
)
def test_a_key_that_is_there_twice_is_refused_and_not_the_last_one_taken(tmp_path: Path, twice: str) -> None:
    load(tmp_path)
    with (tmp_path / "line.yaml").open("a") as file:
        file.write(twice)

    with pytest.raises(ConfigError, match=r"line\.yaml: not YAML: '(workers|count)' is there twice in line \d+"):
        loading.load(tmp_path / "line.yaml")


def test_keys_laid_over_those_of_an_anchor_are_not_there_twice(tmp_path: Path) -> None:
    values = load(tmp_path).model_dump(mode="json")
    text = (
        "data: {data}\nsources: [{{name: drop, type: folder, path: {path}}}]\nrecipes:\n"
        "- &a {{name: a, thresholds: {{ok: 0.5}}}}\n- &b {{<<: *a, name: b}}\n- {{<<: *b, name: c}}\n"
    )
    (tmp_path / "line.yaml").write_text(text.format(data=values["data"], path=values["sources"][0]["path"]))

    assert [recipe.name for recipe in loading.load(tmp_path / "line.yaml").recipes] == ["a", "b", "c"]


def test_two_sources_of_one_name_are_refused(tmp_path: Path) -> None:
    assert "two sources are called a" in refused(
        tmp_path, sources=[folder(tmp_path, "a"), folder(tmp_path, "a", "b"), folder(tmp_path, "c")]
    )


def test_a_recipe_is_addressed_by_name(tmp_path: Path) -> None:
    settings = load(tmp_path, "recipes.b.thresholds={ok: 0.9}", recipes=[{"name": "a"}, {"name": "b"}])

    assert [recipe.thresholds for recipe in settings.recipes] == [{}, {"ok": 0.9}]


def test_the_largest_recipes_fit_a_pipe_that_nobody_reads(tmp_path: Path) -> None:
    # A worker that is stuck reads nothing, and must not hold up the supervisor, which tells it at a reload.
    grades = [f"{number:064}" for number in range(999)]
    chosen = load(tmp_path, recipes=[{"name": "a" * 63, "grades": grades}])
    words, theirs = Pipe()
    for told in (decide_by(chosen), terms.now(chosen, bundle.load(chosen.bundle_path))):
        send(words, told)
        assert receive(theirs) == told
    for end in (words, theirs):
        end.close()

    assert "1001 names, grades, thresholds and severities: at most 1000 are kept in all" in refused(
        tmp_path, recipes=[{"name": "a", "grades": [*grades, "x"]}]
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "localhost", "::1"])
def test_loopback_is_for_this_machine_alone(host: str) -> None:
    assert MetricsSettings(host=host).exposed == ""


def test_a_metrics_port_without_a_host_would_be_open_to_all_and_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"metrics\.host: .* at least 1 character"):
        load(tmp_path, metrics={"host": ""})


@pytest.mark.parametrize("host", ["0.0.0.0", "10.1.2.3", "::", "line-7.mill.example"])
def test_another_host_for_the_metrics_is_warned_of_by_check(
    tmp_path: Path, host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    load(tmp_path, metrics={"host": host, "port": 0})

    assert main.main(["check", "-c", str(tmp_path / "line.yaml")]) == 0
    assert f"(metrics.host: {host}: not loopback, whoever reaches this machine may read it)" in capsys.readouterr().out


@pytest.mark.parametrize("word", ["on", "Yes", "true"])
def test_a_setting_that_is_on_or_off_takes_each_of_yamls_words_for_it(tmp_path: Path, word: str) -> None:
    assert load(tmp_path, f"optics.enabled={word}").optics.enabled is True
    assert load(tmp_path, "optics.enabled=off").optics.enabled is False


def test_a_steel_grade_called_no_is_that_grade(tmp_path: Path) -> None:
    assert load(tmp_path, "recipes=[{name: a, grades: [NO, 0123]}]").recipes[0].grades == ["NO", "0123"]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("bundle", "bundle: a path is needed (got False)"),
        ("record.defect_log", "record.defect_log: a path is needed (got False)"),
        ("metrics.host", "put it in quotes: without them, YAML reads on, off, yes and no as true and false"),
        ("sources.drop.name", "put it in quotes: without them, YAML reads on, off, yes and no as true and false"),
    ],
)
def test_off_is_neither_a_path_nor_a_name_unless_in_quotes(tmp_path: Path, key: str, reason: str) -> None:
    assert reason in refused(tmp_path, f"{key}=off")
    load(tmp_path, f"{key}='off'")


def test_a_folder_may_be_called_by_a_date(tmp_path: Path) -> None:
    assert load(tmp_path, "data=2026-05-01").data == Path("2026-05-01")


def test_minutes_and_seconds_are_no_number(tmp_path: Path) -> None:
    assert "a number is needed (got '1:30')" in refused(tmp_path, "delivery.drain_s=1:30")
