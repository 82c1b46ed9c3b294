"""At every moment the folder of a run holds one whole run, or none, whoever is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.locks import alone
from napari_beamwatch.results import run_folder
from napari_beamwatch.results.run_folder import (
    FILES,
    LOCK,
    check_free,
    holds_run,
    new_run,
    recover,
    strangers,
)

KILLED = """
import json, os, sys
from pathlib import Path
from napari_beamwatch.results.run_folder import FILES, RECORD, new_run, recover

def write(folder, letter):
    with new_run(folder, force=True) as new:
        for name in FILES:
            (new / name).write_text(letter)

def content(folder):
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}

place = 0
def counted(do):
    def call(*args, **more):
        global place
        place -= 1
        if place == 0:
            os._exit(9)
        return do(*args, **more)
    return call

where, told = Path(sys.argv[1]), []
for begins_with in sys.argv[2]:
    for at in range(1, 200):
        folder = where / f"{begins_with}{at}"
        if begins_with == "A":
            write(folder, "A")
            (folder / "notes.txt").write_text("mine")
        child = os.fork()
        if child == 0:
            place = at
            for owner, name in ((Path, "replace"), (Path, "unlink"), (os, "rmdir")):
                setattr(owner, name, counted(getattr(owner, name)))
            write(folder, "B")
            os._exit(0)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        before = content(folder)
        recover(folder)
        told.append([begins_with, at, before, content(folder), os.listdir(folder)])
        if ended == 0:
            break
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, int, dict, dict, list]]:
    """What folders held after a kill at each rename, and after the next start."""
    if not hasattr(os, "fork"):
        pytest.skip("processes cannot be forked here")
    where = tmp_path_factory.mktemp("killed")
    words = [sys.executable, "-c", KILLED, str(where), "A-"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return [tuple(one) for one in json.loads(done.stdout)]


def _run(letter: str) -> dict[str, str]:
    return dict.fromkeys(FILES, letter)


def _write(folder: Path, letter: str, *, force: bool = True) -> None:
    with new_run(folder, force=force) as new:
        for name in FILES:
            (new / name).write_text(letter)


def _content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.name in FILES}


def test_a_kill_at_any_place_leaves_one_whole_run_or_none(killed: list) -> None:
    assert len(killed) > 3 * len(FILES)  # two renames of each file, one where there was none
    for _, at, before, *_ in killed:
        found = {name: text for name, text in before.items() if name in FILES}
        assert "run.json" not in found or found in (_run("A"), _run("B")), at


def test_the_next_start_goes_on_with_it_and_leaves_nothing_behind(killed: list) -> None:
    for old, at, _, after, names in killed:
        mine = {"notes.txt": "mine"} if old == "A" else {}
        whole = [_run("B") | mine] + ([_run("A") | mine] if old == "A" else [{}])
        assert after in whole, (old, at)
        assert set(names) == set(after), (old, at)


def test_a_kill_after_the_old_record_went_does_not_lose_the_new_run(killed: list) -> None:
    halfway = [one for one in killed if one[0] == "A" and "run.json" not in one[2]]
    assert len(halfway) > len(FILES)
    assert all(one[3]["run.json"] == "B" for one in halfway)


def test_what_is_left_of_a_run_that_was_being_cleared_is_never_taken_for_one(
    tmp_path: Path,
) -> None:
    work = tmp_path / ".beamwatch-run-1"
    work.mkdir()
    (work / "spots.csv").write_text("half")
    recover(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_of_two_that_save_at_one_moment_one_is_whole(tmp_path: Path) -> None:
    for turn in range(8):
        folder = tmp_path / str(turn)
        both = [threading.Thread(target=_write, args=(folder, letter)) for letter in "AB"]
        for one in both:
            one.start()
        for one in both:
            one.join()
        assert _content(folder) in (_run("A"), _run("B"))
        assert set(os.listdir(folder)) == set(FILES)


def test_who_waits_too_long_for_another_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_folder, "PATIENCE", 0.05)
    with (
        alone(tmp_path / LOCK, 1),
        pytest.raises(BeamwatchError, match="another program is writing"),
    ):
        _write(tmp_path, "A")
    assert list(tmp_path.iterdir()) == []


def test_a_run_can_be_read_while_another_is_being_written(tmp_path: Path) -> None:
    _write(tmp_path, "A")
    with alone(tmp_path / LOCK, 1):
        recover(tmp_path)  # and does not wait
    assert _content(tmp_path) == _run("A")


def test_a_lock_that_was_left_behind_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / LOCK).touch()
    _write(tmp_path, "A")
    assert set(os.listdir(tmp_path)) == set(FILES)


def test_where_undoing_fails_too_nothing_is_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path, "A")
    move, left = Path.replace, 5

    def fails(source: Path, place: Path) -> Path:
        nonlocal left
        left -= 1
        if left < 0:
            raise PermissionError("in use")
        return move(source, place)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fails)
        with pytest.raises(BeamwatchError, match="in use"):
            _write(tmp_path, "B")
    assert not holds_run(tmp_path)
    recover(tmp_path)
    assert _content(tmp_path) == _run("B")


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_of_the_users_is_never_replaced(tmp_path: Path, force: bool) -> None:
    mine = tmp_path / "traces.csv" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("years of work")
    with pytest.raises(BeamwatchError, match=r"traces\.csv is a folder, which is never replaced"):
        _write(tmp_path, "A", force=force)
    assert mine.read_text() == "years of work"


def test_a_folder_of_other_things_is_written_to_when_asked_only(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("mine")
    with pytest.raises(BeamwatchError, match=r"holds no run, but thesis\.docx: --force"):
        check_free(tmp_path, force=False)
    with pytest.raises(BeamwatchError, match="writes the run beside that"):
        _write(tmp_path, "A", force=False)
    assert os.listdir(tmp_path) == ["thesis.docx"]
    _write(tmp_path, "A", force=True)
    assert strangers(tmp_path) == ["thesis.docx"]


def test_the_root_of_the_disk_is_no_folder_for_a_run() -> None:
    with pytest.raises(BeamwatchError, match="holds no run, but"):
        check_free(Path(Path.cwd().anchor), force=False)


def test_what_desktops_leave_in_empty_folders_does_not_count(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").touch()
    check_free(tmp_path, force=False)
    _write(tmp_path, "A", force=False)


def test_a_folder_that_cannot_be_written_to_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", read_only)
    with pytest.raises(BeamwatchError, match=r"nothing can be written to .*Permission denied"):
        check_free(tmp_path / "deep" / "run", force=False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_below_a_file_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "movie.mrc").write_text("a file")
    with pytest.raises(BeamwatchError, match="nothing can be written to"):
        check_free(tmp_path / "movie.mrc" / "run", force=False)


def test_looking_whether_a_folder_is_free_leaves_nothing(tmp_path: Path) -> None:
    check_free(tmp_path / "deep" / "run", force=False)
    assert list(tmp_path.iterdir()) == []


def test_a_link_to_a_folder_elsewhere_is_not_gone_into(tmp_path: Path) -> None:
    elsewhere, run = tmp_path / "elsewhere", tmp_path / "run"
    elsewhere.mkdir()
    run.mkdir()
    (elsewhere / "run.json").write_text("mine")
    (run / ".beamwatch-run-1").symlink_to(elsewhere)
    recover(run)
    assert (elsewhere / "run.json").read_text() == "mine"
    assert not holds_run(run)
