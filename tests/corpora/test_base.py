import builders
import pytest

from avlib.corpora.common.base import leaves_folder
from avlib.corpora.common.files import walk
from avlib.registry import CORPORA, reader
from avlib.runtime.errors import CorpusError


def test_an_unknown_corpus_is_answered_with_the_known_ones():
    with pytest.raises(CorpusError, match=r"'iemocap' is unknown.*crema_d, demo,.* ravdess"):
        reader("iemocap")


@pytest.mark.parametrize("name", CORPORA)
def test_a_reader_knows_its_name_and_its_emotions_in_order(name):
    assert reader(name).name == name
    assert list(reader(name).emotions) == sorted(set(reader(name).emotions))


@pytest.mark.parametrize("name", ["ravdess", "crema_d", "enterface05", "rml", "baum1s"])
@pytest.mark.parametrize("case", ["missing", "dangling", "file", "empty", "foreign", "packed"])
def test_a_folder_without_the_corpus_says_what_is_expected_and_what_to_do(tmp_path, name, case):
    folder = tmp_path / name
    words = {"missing": "no such folder", "dangling": "link to .*gone", "file": "is a file"}
    words |= {"empty": "is empty", "foreign": "none of its 1 files.*notes.txt"}
    words |= {"packed": "unpack the archives"}
    if case == "dangling":
        folder.symlink_to(tmp_path / "gone")
    elif case == "file":
        folder.write_text("hello")
    elif case != "missing":
        folder.mkdir()
    if case == "foreign":
        (folder / "notes.txt").write_text("hello")
    if case == "packed":
        (folder / "Actor_01.zip").write_bytes(b"PK")
    with pytest.raises(CorpusError, match=words[case]) as caught:
        reader(name).recordings(folder)
    message = str(caught.value)
    assert message.startswith(str(folder))
    assert f"expected {reader(name).layout}" in message
    assert f"ln -s /path/to/{name} {folder}" in message
    assert "\n" not in message


def test_links_to_the_corpus_its_folders_and_its_files_are_followed(tmp_path, ravdess_folder):
    elsewhere = tmp_path / "disk"
    (ravdess_folder / "Actor_02").rename(elsewhere)
    (ravdess_folder / "Actor_02").symlink_to(elsewhere)
    file = next((ravdess_folder / "Actor_01").iterdir())
    file.rename(tmp_path / "moved.mp4")
    file.symlink_to(tmp_path / "moved.mp4")
    link = tmp_path / "link"
    link.symlink_to(ravdess_folder)
    assert len(reader("ravdess").recordings(link).recordings) == 4


def test_a_folder_that_links_to_itself_is_walked_once(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "clip.wav").write_bytes(b"")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    (tmp_path / ".hidden.wav").write_bytes(b"")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "clip.wav").write_bytes(b"")
    assert list(walk(tmp_path)) == ["a/clip.wav"]


@pytest.mark.parametrize("path", ["/etc/passwd", "../x.mp4", "a/../../x.mp4", "C:/x.mp4", "a\\x"])
def test_paths_that_could_leave_the_folder_are_told(path):
    assert leaves_folder(path)
    assert not leaves_folder("a/b..c.mp4")


def test_a_half_downloaded_corpus_tells_how_much_is_here(ravdess_folder, crema_d_folder):
    assert reader("ravdess").recordings(ravdess_folder).notes == [
        "4 of the 1,440 clips of RAVDESS are here"
    ]
    assert reader("crema_d").recordings(crema_d_folder).notes == [
        "4 of the 7,442 clips of CREMA-D are here"
    ]


def test_listing_does_not_depend_on_the_order_on_disk(tmp_path):
    names = ["1002_DFA_SAD_XX", "1001_IEO_HAP_LO", "1001_DFA_ANG_XX"]
    listings = []
    for order, folder in ((names, tmp_path / "one"), (names[::-1], tmp_path / "two")):
        for name in order:
            builders.crema_d_clip(folder, name, kinds=("AudioWAV",), seconds=0.1)
        listings.append(reader("crema_d").recordings(folder))
    assert listings[0] == listings[1]
    assert [recording.clip_id for recording in listings[0].recordings] == sorted(names)
