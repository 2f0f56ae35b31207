"""The bar of long steps: each step with its count, rate and time left on a terminal, silence anywhere else."""

import pytest

from trainer.bar import Bar


def test_a_terminal_shows_each_step_with_count_and_rate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    with Bar() as bar:
        for step in ("reading", "comparing"):
            for done in range(1, 8):
                bar(step, done, 7)

    shown = capsys.readouterr().err
    assert "reading" in shown and "comparing" in shown
    assert "7/7" in shown and "images/s" in shown


def test_anywhere_else_it_is_silent(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    with Bar() as bar:
        bar("reading", 1, 7)
    assert capsys.readouterr() == ("", "")
