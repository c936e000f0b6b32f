"""The reader in TypeScript: same contract, same rows, same tasks as the one in Python."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from pipelines.settings import ROOT
from signals.conformance import doctored
from signals.conformance.judge import command, judge
from signals.conformance.scenarios import Scenario, write
from signals.feed import manifest
from signals.feed.fixtures import World
from signals.feed.sealing import seal
from signals.feedback.files import Kind, read_rows
from signals.reader import Feed, Said, State, acknowledge, catch_up, report_cursor

pytestmark = pytest.mark.full
CLIENT = ROOT / "clients" / "typescript"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command line, compiled from the sources as they are, beside its libraries."""
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "node_modules").symlink_to(CLIENT / "node_modules")
    (folder / "package.json").write_bytes((CLIENT / "package.json").read_bytes())
    npx("tsc", "--outDir", str(folder / "dist"))
    return ["node", str(folder / "dist" / "cli.js")]


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Scenario]]:
    folder = tmp_path_factory.mktemp("suite")
    (folder / "work").mkdir()
    return folder / "feeds", write(folder / "feeds", folder / "work")


def npx(*words: str) -> None:
    done = subprocess.run(
        [CLIENT / "node_modules" / ".bin" / words[0], *words[1:]],
        cwd=CLIENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def lines(words: list[str]) -> list[dict[str, object]]:
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_it_keeps_to_every_rule(
    program: list[str], suite: tuple[Path, list[Scenario]], tmp_path: Path
) -> None:
    feeds, scenarios = suite
    found = judge(command(program), scenarios, feeds, tmp_path)
    assert [text for one in found for text in one.findings] == []


def test_it_gives_the_tasks_and_the_rows_of_the_other_reader(
    program: list[str], suite: tuple[Path, list[Scenario]], tmp_path: Path
) -> None:
    feeds, scenarios = suite
    (life,) = (one for one in scenarios if one.name == "life")
    other = [sys.executable, "-m", "signals.reader"]
    for step in life.steps:
        of_node, of_python = (
            lines([*words, str(feeds / step.feed), str(tmp_path / name), step.now])
            for name, words in (("node", program), ("python", other))
        )
        assert of_node == of_python
        assert of_node


def test_a_segment_without_the_rows_that_its_name_says_stops_it(
    program: list[str], suite: tuple[Path, list[Scenario]], tmp_path: Path
) -> None:
    whole = suite[0] / "life" / "1-every-type"
    rows = doctored.manifest(whole)["segments"][0]["rows"]
    for number, order in enumerate((range(rows), [0, *range(2, rows)], [0, 2, 1, *range(3, rows)])):
        feed = doctored.copied(whole, tmp_path / f"feed-{number}")
        doctored.otherwise_filled(feed, order)
        words = [*program, str(feed), str(tmp_path / str(number)), "2026-01-05T12:00:00Z"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) is (number == 0), done.stderr
        assert ("has not the rows" in done.stderr) is (number > 0)


def test_wherever_they_were_both_go_on_above_a_restored_stream(
    program: list[str], tmp_path: Path
) -> None:
    world = World(tmp_path / "data")
    read = []
    for step, numbers in enumerate((range(4), range(4, 9), range(9, 14))):
        world.tell(numbers)
        read.append(shutil.copytree(world.publish(40), tmp_path / f"read-{step}"))
        if step == 1:
            copy = shutil.copytree(world.folder, tmp_path / "copy")
    restored = World(copy, world.day)
    highest = manifest.read(read[-1]).max_sequence
    company = manifest.read(copy / "exports" / "company").max_sequence
    restored.log.go_on_above(int(highest) + 1, company)
    restored.tell(range(9, 40))
    feed, now = restored.publish(40), "2026-01-20T12:00:00Z"
    assert manifest.read(feed).segments[0].first_sequence > highest
    standing = set(pl.read_parquet(feed / "signals_current.parquet")["id"])
    other = [sys.executable, "-m", "signals.reader"]
    for number, former in enumerate(read):
        of_both = []
        for name, words in (("node", program), ("python", other)):
            state = str(tmp_path / f"{name}-{number}")
            begun = lines([*words, str(former), state, now])
            after = lines([*words, str(feed), state, now])
            of_both.append((begun, after))
            started = [one["signalid"] for one in (*begun, *after) if one["kind"] == "start"]
            assert started
            assert len(started) == len(set(started))
            assert {one["id"] for one in after if one["kind"] == "signal"} == standing
        assert of_both[0] == of_both[1]


def test_what_it_says_back_is_taken_as_what_the_other_reader_says(
    program: list[str], suite: tuple[Path, list[Scenario]], tmp_path: Path
) -> None:
    feed = suite[0] / "life" / "1-every-type"
    dist = Path(program[1]).parent
    text = (
        f'import {{ Feed, State, acknowledge, catchUp, reportCursor }} from "{dist}/index.js";\n'
        f'const state = new State("{tmp_path}/node");\n'
        "const now = new Date(Date.UTC(2026, 0, 5, 12));\n"
        f'await catchUp(Feed.at("{feed}"), state);\n'
        "const [one, two] = state.standing();\n"
        'const said = [{ signalid: one.signalid, status: "handled" },\n'
        '  { signalid: two.signalid, status: "wrong", reason: "wrong_event", at: now }];\n'
        f'acknowledge("{tmp_path}/back", state, said, now);\n'
        f'reportCursor("{tmp_path}/back", state, "crm", now);\n'
        "try {\n"
        '  const wrong = [{ signalid: one.signalid, status: "wrong" }];\n'
        f'  acknowledge("{tmp_path}/back", state, wrong);\n'
        "} catch (error) { console.log(error.message); }\n"
    )
    (tmp_path / "say.mjs").write_text(text)
    done = subprocess.run(
        ["node", str(tmp_path / "say.mjs")], capture_output=True, text=True, check=True
    )
    assert done.stdout == "wrong is not said with the reason null\n"
    now = datetime(2026, 1, 5, 12, tzinfo=UTC)
    with State(tmp_path / "python.db") as state:
        catch_up(Feed.at(feed), state)
        first, second = [row["signalid"] for row in state.standing()][:2]
        said = [Said(first, "handled"), Said(second, "wrong", "wrong_event", now)]
        mine = [
            acknowledge(tmp_path / "mine", state, said, now=now),
            report_cursor(tmp_path / "mine", state, "crm", now=now),
        ]
    of_node = sorted((tmp_path / "back").iterdir())
    kinds: list[Kind] = ["consumer_offsets", "feedback"]
    for kind, file, own in zip(kinds, of_node, reversed(mine), strict=True):
        found = read_rows(file.read_bytes(), kind)
        assert found.refused.is_empty()
        assert found.kept.equals(read_rows(own.read_bytes(), kind).kept)


def test_it_stops_at_an_encrypted_stream_as_the_other_reader(
    program: list[str], suite: tuple[Path, list[Scenario]], tmp_path: Path
) -> None:
    feeds, scenarios = suite
    (life,) = (one for one in scenarios if one.name == "life")
    assert seal(feeds / life.steps[0].feed, tmp_path / "twin", "5e" * 32, temporary=tmp_path)
    for words in (program, [sys.executable, "-m", "signals.reader"]):
        done = subprocess.run(
            [*words, str(tmp_path / "twin"), str(tmp_path / "state"), life.steps[0].now],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode != 0
        assert "unseal" in done.stderr


def test_its_types_are_those_of_the_contract() -> None:
    done = subprocess.run(
        ["node", "scripts/generate.mjs", "--check"],
        cwd=CLIENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_its_lock_names_no_registry() -> None:
    lock = json.loads((CLIENT / "package-lock.json").read_bytes())
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert len(packages) > 2
    assert all("integrity" in one and "resolved" not in one for one in packages.values())


def test_the_program_of_the_page_starts_what_the_one_in_python_starts(
    program: list[str], suite: tuple[Path, list[Scenario]], tmp_path: Path
) -> None:
    package = Path(program[1]).parent.parent
    text = (CLIENT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```ts\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    feed = suite[0] / "life" / "1-every-type"
    shown = "test-events/life/1-every-type"
    assert shown in block
    (tmp_path / "node_modules" / "@types").mkdir(parents=True)
    (tmp_path / "node_modules" / "company-signals-reader").symlink_to(package)
    types = CLIENT / "node_modules" / "@types" / "node"
    (tmp_path / "node_modules" / "@types" / "node").symlink_to(types)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "trigger.ts").write_text(block.replace(shown, str(feed)))
    config: dict[str, object] = {
        "extends": str(CLIENT / "tsconfig.json"),
        "files": ["trigger.ts"],
        "include": [],
        "exclude": [],
    }
    config["compilerOptions"] = {"rootDir": ".", "outDir": ".", "declaration": False}
    (tmp_path / "tsconfig.json").write_text(json.dumps(config))
    npx("tsc", "--project", str(tmp_path))
    done = subprocess.run(
        ["node", "trigger.js"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    started = [line.split(" | ")[1] for line in done.stdout.splitlines()]
    words = ["-m", "signals.reader", str(feed), str(tmp_path / "python"), "2026-01-05T11:00:00Z"]
    wanted = [one for one in lines([sys.executable, *words]) if one["kind"] == "start"]
    assert started == [one["signalid"] for one in wanted]
    assert started
