"""Which movies a batch is about, and where their runs go."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_beamwatch import BeamwatchError
from napari_beamwatch.batch.tasks import SameFolderError, Task, tasks_of

OUT = Path("runs")


def table(folder: Path, *files: str) -> Path:
    path = folder / "campaign.csv"
    path.write_text("file,compound\n" + "".join(f"{file},LiF\n" for file in files))
    return path


def test_one_movie_goes_to_the_folder_itself_and_several_to_folders_of_their_names() -> None:
    assert tasks_of(["d/a.mrc"], OUT) == [Task("d/a.mrc", OUT)]
    assert tasks_of(["d/a.mrc", "b.eer"], OUT) == [
        Task("d/a.mrc", OUT / "a"),
        Task("b.eer", OUT / "b"),
    ]


def test_files_of_a_table_are_relative_to_it_and_come_after_those_named(tmp_path: Path) -> None:
    path = table(tmp_path, "deep/b.mrc.gz", "/elsewhere/c.tif")
    found = tasks_of(["a.mrc"], OUT, path)
    assert [task.source for task in found] == [
        "a.mrc", str(tmp_path / "deep" / "b.mrc.gz"), str(Path("/elsewhere/c.tif")),
    ]  # fmt: skip
    assert [task.folder.name for task in found] == ["a", "b", "c"]


def test_a_table_of_one_movie_is_a_campaign_too(tmp_path: Path) -> None:
    (only,) = tasks_of([], OUT, table(tmp_path, "a.mrc"))
    assert only.folder == OUT / "a"


def test_a_movie_that_is_named_twice_is_one(tmp_path: Path) -> None:
    path = table(tmp_path, "a.mrc")
    named = str(tmp_path / "deep" / ".." / "a.mrc")
    assert [task.source for task in tasks_of([named], OUT, path)] == [named]


def test_two_movies_of_one_name_have_no_folders(tmp_path: Path) -> None:
    with pytest.raises(SameFolderError, match="would both be written to"):
        tasks_of(["a.mrc", "deep/A.tif"], OUT)
    with pytest.raises(SameFolderError, match="would both be written to"):
        tasks_of(["deep/a.mrc"], OUT, table(tmp_path, "a.mrc"))


def test_what_names_no_movie_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BeamwatchError, match="no movie was named"):
        tasks_of([], OUT)
    with pytest.raises(BeamwatchError, match=r"campaign\.csv: row 2 names no file"):
        tasks_of([], OUT, table(tmp_path, "a.mrc", ""))
    other = tmp_path / "other.csv"
    other.write_text("compound\nLiF\n")
    with pytest.raises(BeamwatchError, match="needs a column file"):
        tasks_of([], OUT, other)
