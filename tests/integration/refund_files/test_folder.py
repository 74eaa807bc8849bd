"""Files of the back office's folder: fetched when they are complete, answered, put aside."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from gateway.domain.refund import RefundState
from gateway.refund_files.values import LineRefusal
from gateway.storage.refund_file_tables import refund_batches
from gateway.storage.refund_movements import refuse_movement
from gateway.storage.refunds import update_refund
from gateway.storage.writes import Write
from legacy_bridge.errors import BackOfficeUnavailableError
from legacy_bridge.files import RefundFolder
from psp.errors import UnavailableError
from psp.port import RefundStatus
from tests.integration.refund_files.stage import Stage, file_of, line, pieces
from tests.support.shop import CARDS


async def test_a_file_is_fetched_carried_out_and_answered(stage: Stage) -> None:
    """One line of the result for each of the file's, and the file is put aside."""
    first, second = await stage.paid(1), await stage.paid(2)
    text = file_of(line("M-1", first), "nonsense", line("M-2", second, "30.00", 2))
    stage.put(text)
    await stage.look()

    assert stage.made() == [("ch_cards_1", 500)]
    good, nonsense, high = stage.result()
    (refund,) = await stage.refunds(first)
    assert good == {
        "line": "2",
        "movement_id": "M-1",
        "outcome": "accepted",
        "state": "succeeded",
        "refund_id": refund.id,
        "psp_reference": refund.psp_reference,
        "reason": "",
    }
    assert (nonsense["line"], nonsense["outcome"]) == ("3", "refused")
    assert nonsense["reason"].startswith("malformed: the line is not 9 values")
    assert high["reason"].startswith("exceeds_remaining: 30.00 EUR was to be refunded")
    assert stage.files("inbound") == stage.files("working") == []
    (done,) = stage.files("done")
    assert (stage.folder / "done" / done).read_text() == text
    assert stage.files("results") == [done]


async def test_the_same_file_again_is_answered_with_duplicates(stage: Stage) -> None:
    """Each with how its movement stands now; nothing is refunded again."""
    paid = await stage.paid()
    stage.put(file_of(line("M-1", paid)), "monday.csv")
    await stage.look()
    stage.put(file_of(line("M-1", paid), line("M-1", paid, "5.01")), "monday again.csv")
    await stage.look()

    duplicate, reused = stage.result("monday again.csv")
    assert (duplicate["outcome"], duplicate["state"]) == ("duplicate", "succeeded")
    assert duplicate["psp_reference"]
    assert (reused["outcome"], reused["refund_id"]) == ("refused", "")
    assert reused["reason"].startswith("movement_reused: movement M-1 was accepted before")
    assert len(stage.made()) == 1


async def test_a_file_that_is_none_is_answered_in_one_line(stage: Stage) -> None:
    """And no other one waits for it."""
    paid = await stage.paid()
    stage.put("a;b\n1;2\n", "bad.csv", age_s=200)
    stage.put("", "empty.csv", age_s=190)
    stage.put(file_of(line("M-1", paid)), "good.csv")
    await stage.look()

    (bad,), (empty,), (good,) = (stage.result(f".{name}.csv") for name in ("bad", "empty", "good"))
    assert (bad["outcome"], bad["line"]) == ("file_refused", "1")
    assert "semicolons" in bad["reason"]
    assert "the file is empty" in empty["reason"]
    assert good["state"] == "succeeded"
    assert len(stage.files("done")) == 3


@pytest.mark.parametrize("name", ["refunds.csv.part", "refunds.csv.filepart", ".refunds.csv"])
async def test_a_name_that_says_unfinished_is_left_alone(stage: Stage, name: str) -> None:
    """Until it is renamed, however old it is."""
    path = stage.put(file_of(line("M-1", await stage.paid())), name)
    await stage.look()
    assert stage.files("inbound") == [name]

    path.rename(path.with_name("refunds.csv"))
    await stage.look()
    assert stage.files("inbound") == []


async def test_a_file_that_grows_is_left_alone(stage: Stage) -> None:
    """Until it has not changed for the settling time."""
    paid = await stage.paid()
    whole = file_of(line("M-1", paid), line("M-2", paid, "6.00"))
    stage.put(whole[:-30], age_s=0)
    await stage.look(1)
    stage.put(whole, age_s=0)
    await stage.look(1)
    assert stage.files("inbound") == ["refunds.csv"]

    stage.pass_time(minutes=2)
    await stage.look()
    assert [each["state"] for each in stage.result()] == ["succeeded", "succeeded"]


async def test_a_file_that_is_young_although_it_does_not_grow_is_left_alone(stage: Stage) -> None:
    """Its writer may only be slow."""
    stage.put(file_of(), age_s=10)
    folder = RefundFolder(stage.folder, settle_s=60, clock_s=lambda: stage.now().timestamp())

    assert [await folder.list_refund_files() for _ in range(3)] == [[], [], []]
    stage.pass_time(seconds=51)
    assert await folder.list_refund_files() == ["refunds.csv"]


async def test_a_file_of_one_size_and_another_time_is_looked_at_once_more(stage: Stage) -> None:
    """A file is taken only if two looks in a row saw the same."""
    folder = RefundFolder(stage.folder, settle_s=0)
    path = stage.put(file_of())
    assert await folder.list_refund_files() == []
    os.utime(path, (1, 1))
    assert await folder.list_refund_files() == []
    assert await folder.list_refund_files() == ["refunds.csv"]


async def test_links_and_folders_are_no_files(stage: Stage) -> None:
    """What somebody could reach through them is not ours to read."""
    (stage.folder / "inbound" / "folder.csv").mkdir()
    (stage.folder / "inbound" / "link.csv").symlink_to(stage.put(file_of(), "file.csv"))
    await stage.look()

    assert stage.files("inbound") == ["folder.csv", "link.csv"]


@pytest.mark.parametrize("name", ["../out.csv", "a/b.csv", ".hidden", ""])
async def test_a_name_that_leads_elsewhere_is_no_name(stage: Stage, name: str) -> None:
    """Whoever asks for it has a fault."""
    folder = RefundFolder(stage.folder, settle_s=0)

    with pytest.raises(ValueError, match="is no name of a file"):
        await folder.take_refund_file("refunds.csv", name)


async def test_of_two_that_take_a_file_one_gets_it(stage: Stage) -> None:
    """The other is told so."""
    stage.put(file_of())
    folder = RefundFolder(stage.folder, settle_s=0)

    assert await folder.take_refund_file("refunds.csv", "first")
    assert not await folder.take_refund_file("refunds.csv", "second")
    assert await folder.taken_refund_files() == ["first"]


async def test_a_result_that_breaks_off_is_never_seen(stage: Stage) -> None:
    """Whoever reads results sees the one of before, whole."""
    folder = RefundFolder(stage.folder, settle_s=0)
    await folder.write_refund_result("a.csv", pieces(b"old"))

    async def broken() -> object:
        yield b"new and lon"
        raise ConnectionError("the database is away")

    with pytest.raises(ConnectionError):
        await folder.write_refund_result("a.csv", broken())  # type: ignore[arg-type]  # yields bytes
    assert (stage.folder / "results" / "a.csv").read_bytes() == b"old"

    await folder.write_refund_result("a.csv", pieces(b"new"))
    assert (stage.folder / "results" / "a.csv").read_bytes() == b"new"
    assert stage.files("results") == ["a.csv"]


async def test_a_folder_that_is_away_is_told_as_such(stage: Stage) -> None:
    """It may come back: nothing is lost meanwhile."""
    in_the_way = stage.folder / "file"
    in_the_way.write_text("")
    folder = RefundFolder(in_the_way, settle_s=0)

    with pytest.raises(BackOfficeUnavailableError, match="list_refund_files"):
        await folder.list_refund_files()


async def test_a_file_waits_in_working_until_the_psp_serves_again(stage: Stage) -> None:
    """The result is written when every movement has its answer."""
    paid = await stage.paid()
    stage.psps[CARDS].fail("refund_payment", UnavailableError(CARDS, "maintenance"))
    stage.put(file_of(line("M-1", paid)))
    await stage.look(2)
    assert len(stage.files("working")) == 1
    assert stage.files("results") == []

    await stage.recover()
    await stage.look()
    assert [each["state"] for each in stage.result()] == ["succeeded"]


async def test_a_result_follows_what_becomes_of_its_refunds(stage: Stage) -> None:
    """A refund that was pending and failed later stands in it, with the PSP's reason."""
    paid = await stage.paid()
    stage.psps[CARDS].refund_status = RefundStatus.PENDING
    stage.put(file_of(line("M-1", paid)))
    await stage.look()
    assert [each["state"] for each in stage.result()] == ["pending"]

    (made,) = stage.psps[CARDS].refunds
    stage.psps[CARDS].fail_refund(made)
    stage.jobs |= {"refund_confirmations"}
    stage.restart()
    stage.pass_time(hours=7)
    await stage.look()
    stage.pass_time(minutes=16)
    await stage.look()

    (failed,) = stage.result()
    assert (failed["state"], failed["outcome"]) == ("failed", "accepted")
    assert failed["reason"].startswith("lost_or_stolen_card: ")


async def test_a_change_of_before_that_is_stored_late_is_told_too(stage: Stage) -> None:
    """Another replica's clock was read before the result was written, and its commit came after."""
    paid = await stage.paid()
    stage.psps[CARDS].refund_status = RefundStatus.PENDING
    stage.put(file_of(line("M-1", paid)))
    await stage.look()
    (refund,) = await stage.refunds(paid)

    settled = replace(refund, state=RefundState.SUCCEEDED, version=refund.version + 1)
    await stage.database.commit([update_refund(settled, read_version=refund.version)])
    stage.pass_time(minutes=16)
    await stage.look()

    assert [each["state"] for each in stage.result()] == ["succeeded"]


async def test_a_refusal_is_told_in_each_file_that_holds_the_movement(stage: Stage) -> None:
    """Also in one that held it once more while it waited; what is refused has no refund."""
    paid = await stage.paid()
    stage.psps[CARDS].fail("refund_payment", UnavailableError(CARDS, "maintenance"), times=9)
    stage.put(file_of(line("M-1", paid)), "monday.csv")
    await stage.look()
    stage.put(file_of(line("M-1", paid)), "again.csv")
    await stage.look()
    assert [each["state"] for each in stage.result("again.csv")] == ["waiting"]

    refused = refuse_movement("M-1", LineRefusal.PSP_REJECTED, "charged back")
    await stage.database.commit([refused])
    stage.pass_time(minutes=16)
    await stage.look()

    assert [each["state"] for each in stage.result("again.csv")] == ["refused"]


async def test_who_comes_second_to_a_file_leaves_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica that lost its lease without knowing it finds the file begun: no fault of ours."""
    stage.put(file_of(line("M-1", await stage.paid())))
    commit, seen = stage.database.commit, list[str]()

    async def late(writes: Sequence[Write]) -> None:
        if not seen and any(write.statement.table is refund_batches for write in writes):
            seen.append("another replica was here before")
            await commit(writes)
        await commit(writes)

    monkeypatch.setattr(stage.database, "commit", late)
    with capture_logs() as logs:
        await stage.look(6)

    assert seen
    assert [each["event"] for each in logs if each["log_level"] == "error"] == []
    assert [each["state"] for each in stage.result()] == ["succeeded"]


async def test_a_long_name_with_any_letters_is_taken(stage: Stage) -> None:
    """The end of it is kept."""
    name = "é" * 100 + "-monday.csv"
    stage.put(file_of(), name)
    await stage.look()

    (done,) = stage.files("done")
    assert done.endswith("é-monday.csv")
