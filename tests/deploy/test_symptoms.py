"""Holds the table of symptoms: each row is caused by a test, and each command in it is one that there is."""

import ast
import re
import shlex

import pytest

from inspector.cli.arguments.parser import parser
from tests.fakes import ROOT

PAGE = (ROOT / "deploy" / "operations.md").read_text()
TABLE = PAGE.partition("## Symptoms")[2].partition("\n## ")[0]
ROWS = [line.strip("|").split(" | ") for line in TABLE.splitlines() if line.startswith("| `")]
#: What each row quotes: the test that causes it, and the words by which that test knows it where they differ.
CAUSED_BY = {
    "no worker is ready": "inspector/sink/test_health.py::test_a_worker_that_ended_is_gone_at_once",
    "is given up": "inspector/supervisor/test_supervision.py::"
    "test_a_worker_whose_bundle_was_damaged_is_given_up_while_the_other_serves",
    "silent for": "inspector/answers/test_status.py::"
    "test_a_line_that_runs_without_being_ready_says_why_and_later_for_how_long_it_did_not_inspect",
    "not started": "inspector/sources/folder/test_paths.py::"
    "test_for_a_typo_no_folders_are_made_and_the_line_is_not_ready_until_it_is_there",
    "source drop: lost: ": "inspector/supervisor/test_faults.py::"
    "test_a_share_unmounted_under_load_is_told_touched_by_nobody_and_taken_up_when_it_is_back",
    "no canary picture has come through": "inspector/protocol/test_canary.py::"
    "test_workers_that_answer_nothing_any_more_end_readiness_though_they_say_that_they_are_there",
    "wrong answer to the canary picture": "inspector/protocol/test_canary.py::"
    "test_a_worker_that_answers_wrong_is_named_until_it_answers_right_or_is_gone",
    "files of drop: 2 cannot be taken": "inspector/sources/folder/test_left_alone.py::"
    "test_a_line_is_not_ready_while_files_cannot_be_taken_and_says_which_and_why",
    "should be deleted by now": "inspector/sources/folder/test_cleanup.py::"
    "test_a_line_is_not_ready_while_its_clock_keeps_files_that_should_be_deleted",
    "cannot be read: Permission denied": "test_bad_input.py::test_a_file_nobody_may_read_is_an_error",
    "another inspector runs on this data folder": "inspector/supervisor/test_supervisor.py::"
    "test_a_second_inspector_on_the_same_data_folder_is_refused",
    "another inspector works on this drop folder": "inspector/supervisor/test_supervisor.py::"
    "test_a_second_inspector_on_the_same_drop_folder_is_refused",
    "cannot listen on": "inspector/supervisor/test_supervisor.py::test_a_port_in_use_is_named",
    "damaged or replaced": "inspector/supervisor/test_supervisor.py::test_a_damaged_bundle_is_refused_in_one_line",
    "the line goes on as before": "inspector/supervisor/test_reload.py::"
    "test_outputs_that_cannot_be_used_change_nothing",
    "these need a restart": "inspector/supervisor/test_supervision.py::"
    "test_a_reload_takes_over_thresholds_names_the_rest_and_drops_no_frame",
    "locked: process": "inspector/sink/test_record_start.py::"
    "test_a_line_whose_record_is_locked_at_the_start_waits_for_it_and_says_who_holds_it",
    "less than disk.min_free_mb": "inspector/sink/test_disk_full.py::"
    "test_a_disk_that_fills_stops_evidence_then_takes_the_reserve_and_loses_nothing",
    "rows behind": "inspector/sink/test_followers.py::"
    "test_a_follower_that_is_far_behind_ends_readiness_and_says_by_how_much",
    "is gone while the record is in use": "inspector/sink/test_record_place.py::"
    "test_a_line_whose_record_is_removed_while_it_runs_loses_no_file_and_says_so",
    "records-damaged-": "inspector/sink/test_sink_trouble.py::"
    "test_a_record_that_is_no_database_is_set_aside_and_the_line_goes_on",
    "evidence-without-record": "inspector/record/test_evidence.py::"
    "test_pictures_of_a_record_in_whose_place_an_older_one_was_put_are_set_aside",
    "written by a newer version": "inspector/record/test_backup.py::"
    "test_a_record_of_a_newer_version_is_refused_as_it_is",
    "pictures of drop: blank: ": "inspector/record/test_optics_history.py::"
    "test_a_camera_that_shows_black_ends_readiness_and_loses_nothing",
    "frozen": "inspector/sources/optics/test_monitor.py::"
    "test_the_same_strip_again_and_again_is_frozen_and_teaches_nothing",
    "overload": "inspector/supervisor/test_faults.py::"
    "test_a_sink_that_is_down_under_load_costs_a_folder_time_and_a_camera_counted_frames",
    "incomplete": "inspector/sources/test_gige_capture.py::test_incomplete_pictures_are_counted_and_on_record_as_a_gap",
    "stale": "inspector/sources/test_gige_capture.py::test_the_very_same_picture_again_is_stale",
    "took down 2 workers": "inspector/supervisor/test_supervisor.py::"
    "test_a_batch_that_never_ends_costs_its_frame_and_not_the_line",
    "got no verdict from 2 workers": "inspector/sources/test_sources_losses.py::"
    "test_a_frame_without_a_verdict_in_time_is_given_to_another",
    "blank: contrast": "test_bad_input.py::test_a_picture_that_shows_nothing_never_passes",
    "unlike what the model knows": "trainer/evaluation/test_ood_evaluation.py::"
    "test_a_bundle_calls_what_is_not_strip_unsure_and_says_why",
    "score under": "inspector/quality/test_uncertain_areas.py::"
    "test_they_are_on_record_in_their_order_and_go_with_the_frame",
    "recipe not known": "inspector/worker/test_recipes_line.py::"
    "test_a_worker_that_cannot_read_the_record_goes_on_and_guesses_nothing",
    "it came before its coil is known": "inspector/sources/folder/test_folder_order.py::"
    "test_a_file_that_waited_and_does_not_tell_when_it_was_made_is_unsure_and_of_no_piece",
    "was changed by hand": "inspector/cli/test_labels.py::"
    "test_labels_that_someone_edited_by_hand_are_shown_with_a_complaint_and_take_no_more",
    "does not count any more": "inspector/cli/test_grades.py::"
    "test_a_release_does_not_count_once_something_comes_up_that_was_not_known",
}
#: By what a test knows its symptom, where that is not what people read.
OTHER_WORDS = {"evidence-without-record": "ASIDE", "unlike what the model knows": '"novel"'}


def source(test: str) -> str:
    """The text of a test, `file::name`."""
    file, _, name = test.partition("::")
    text = (ROOT / "tests" / file).read_text()
    found = [one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.FunctionDef) and one.name == name]
    assert len(found) == 1, f"there is no {test}"
    return ast.get_source_segment(text, found[0]) or ""


def test_each_row_has_its_test_and_there_are_enough_of_them() -> None:
    assert [row[0].strip(" `") for row in ROWS] == [symptom.strip() for symptom in CAUSED_BY]
    assert len(ROWS) >= 25


@pytest.mark.parametrize("symptom", CAUSED_BY)
def test_a_symptom_is_caused_by_its_test(symptom: str) -> None:
    assert OTHER_WORDS.get(symptom, symptom) in source(CAUSED_BY[symptom])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row[0]).strip(" `"))
def test_a_command_of_the_table_is_one_that_there_is(row: list[str]) -> None:
    for command in re.findall(r"`inspector ([^`]*)`", row[2]):
        words = shlex.split(command)
        needed = {"label": ["1", "--as", "ok", "--by", "Ann"], "restore": ["FILE"]}.get(words[0], [])
        parser().parse_args([*words, *(needed if len(words) == 1 else [])])
