"""The checker's own tests: histories made by hand; good ones pass, bad ones are found and told in words.

A line is one call: when it began and ended, what it was, what it answered. `?`: nobody knows how it ended.
"""
import random
from typing import Any

import pytest

from history import linearize, model, writes
from history.history import Fate, History, Op
from history.model import MIB

V = "vol"


class Book:
    """A history in the making."""

    def __init__(self) -> None:
        self.history = History()

    def add(self, begin: float, end: float, kind: str, outcome: str, args: dict[str, Any],
            **answer: Any) -> Op:
        op = self.history.invoke(f"client {len(self.history.ops)}", kind, V, args)
        op.invoked, op.returned = begin, end - 0.0001  # calls that only touch do not overlap
        op.outcome = "DEADLINE_EXCEEDED" if outcome == "?" else outcome
        op.fate = Fate.UNKNOWN if outcome == "?" else Fate.KNOWN
        op.answer, op.text = answer, answer.pop("text", "")
        return op

    def create(self, begin: float, end: float, outcome: str = "OK", size: int = 64, source: str = "") -> Op:
        answer = {"size": size * MIB} if outcome == "OK" else {}
        return self.add(begin, end, "CreateVolume", outcome, {"size": size * MIB, "source": source}, **answer)

    def delete(self, begin: float, end: float, outcome: str = "OK", **answer: Any) -> Op:
        return self.add(begin, end, "DeleteVolume", outcome, {}, **answer)

    def publish(self, begin: float, end: float, node: str, outcome: str = "OK", **answer: Any) -> Op:
        return self.add(begin, end, "ControllerPublishVolume", outcome, {"node": node}, **answer)

    def unpublish(self, begin: float, end: float, node: str, outcome: str = "OK") -> Op:
        return self.add(begin, end, "ControllerUnpublishVolume", outcome, {"node": node})

    def get(self, begin: float, end: float, size: int, *nodes: str) -> Op:
        if not size:
            return self.add(begin, end, "ControllerGetVolume", "NOT_FOUND", {})
        return self.add(begin, end, "ControllerGetVolume", "OK", {}, size=size * MIB, nodes=list(nodes))

    def snapshot(self, begin: float, end: float, outcome: str = "OK", size: int = 64) -> Op:
        return self.add(begin, end, "CreateSnapshot", outcome, {"snapshot": "s"},
                        **({"size": size * MIB} if outcome == "OK" else {}))

    def unsnapshot(self, begin: float, end: float, outcome: str = "OK") -> Op:
        return self.add(begin, end, "DeleteSnapshot", outcome, {"snapshot": "s"})

    def get_snapshot(self, begin: float, end: float, size: int) -> Op:
        if not size:
            return self.add(begin, end, "GetSnapshot", "NOT_FOUND", {"snapshot": "s"})
        return self.add(begin, end, "GetSnapshot", "OK", {"snapshot": "s"}, size=size * MIB)

    def stage(self, begin: float, end: float, node: str, attachment: int) -> Op:
        return self.add(begin, end, "NodeStageVolume", "OK",
                        {"node": node, "attachment": attachment, "since": begin - 0.5})

    def write(self, begin: float, end: float, node: str, place: tuple[int, int], outcome: str = "OK") -> Op:
        attachment, record = place
        return self.add(begin, end, "Write", outcome, {"node": node, "attachment": attachment, "record": record})

    def audit(self, begin: float, end: float, *places: tuple[int, int]) -> Op:
        return self.add(begin, end, "Audit", "OK", {}, records={
            str(writes.place(*place)): writes.text(V, *place).strip() for place in places})

    def story(self) -> str:
        """What the checker says; empty: all is well."""
        return linearize.check(V, self.history.ops).story

    def faults(self) -> list[str]:
        return [fault.kind for fault in writes.judge(self.history)]

    def blames(self, op: Op) -> None:
        """This answer is the one that no order explains, and the story says so with its time."""
        lines = self.story().splitlines()
        assert lines, "nothing was found"
        assert lines[1].strip() == str(op).strip(), self.story()
        assert f"{op.invoked:.3f}" in lines[1] and op.kind in lines[1]


@pytest.fixture()
def book() -> Book:
    return Book()


def test_a_volume_lives_moves_and_goes(book: Book) -> None:
    book.get(0, 1, 0)
    book.create(1, 2)
    book.publish(2, 3, "node1")
    book.publish(3, 4, "node2", "FAILED_PRECONDITION", holder="node1")
    book.delete(4, 5, "FAILED_PRECONDITION", holder="node1")
    book.unpublish(5, 6, "node1")
    book.publish(6, 7, "node2")
    book.get(7, 8, 64, "node2")
    book.unpublish(8, 9, "node2")
    book.delete(9, 10)
    book.get(10, 11, 0)
    assert book.story() == ""


def test_overlapping_calls_may_have_happened_in_any_order(book: Book) -> None:
    book.create(0, 10)
    book.get(1, 2, 64)
    book.delete(3, 9)
    book.get(4, 5, 0)
    book.create(6, 8, size=96)
    book.get(11, 12, 96)
    assert book.story() == ""


def test_of_two_creates_of_different_size_one_is_refused(book: Book) -> None:
    book.create(0, 5)
    book.create(1, 4, "ALREADY_EXISTS", size=96)
    assert book.story() == ""


def test_a_call_given_up_may_have_happened_or_not(book: Book) -> None:
    book.create(0, 1, "?")
    book.get(2, 3, 0)
    book.get(4, 5, 64)
    book.delete(6, 7, "?")
    book.get(8, 9, 64)
    book.get(20, 21, 64)
    assert book.story() == ""


def test_a_call_given_up_happens_once(book: Book) -> None:
    book.create(0, 1)
    book.delete(1, 2, "?")
    book.get(2, 3, 0)
    book.create(3, 4)
    book.blames(book.get(4, 5, 0))


def test_a_call_given_up_does_not_happen_long_after(book: Book) -> None:
    book.create(0, 1)
    given_up = book.delete(1, 2, "?")
    book.get(given_up.end + 1, 9, 64)
    book.blames(book.get(10, 11, 0))


def test_two_calls_given_up_may_both_happen(book: Book) -> None:
    book.create(0, 1)
    book.delete(1, 2, "?")
    book.delete(1, 3, "?")
    book.get(2, 3, 0)
    book.create(3, 4)
    book.get(4, 5, 0)
    assert book.story() == ""


def test_a_snapshot_outlives_its_volume(book: Book) -> None:
    book.create(0, 1)
    book.snapshot(1, 2)
    book.delete(2, 3)
    book.get_snapshot(3, 4, 64)
    book.snapshot(4, 5)
    book.unsnapshot(5, 6)
    book.snapshot(6, 7, "NOT_FOUND")
    assert book.story() == ""


def test_a_volume_may_go_while_its_snapshot_is_made(book: Book) -> None:
    book.create(0, 1)
    book.snapshot(1, 8)
    book.delete(2, 3)
    book.get_snapshot(4, 5, 0)
    book.get_snapshot(8, 9, 64)
    assert book.story() == ""


def test_a_snapshot_of_a_volume_that_was_never_there_is_found(book: Book) -> None:
    book.blames(book.snapshot(1, 2))


def test_a_deleted_snapshot_that_comes_back_is_found(book: Book) -> None:
    book.create(0, 1)
    book.snapshot(1, 2)
    book.unsnapshot(2, 3)
    book.blames(book.get_snapshot(3, 4, 64))


def test_two_nodes_granted_one_volume_are_found(book: Book) -> None:
    book.create(0, 1)
    book.publish(1, 3, "node1")
    book.blames(book.publish(2, 4, "node2"))
    assert "published to node1" in book.story()


def test_two_published_nodes_in_one_answer_are_found(book: Book) -> None:
    book.create(0, 1)
    book.publish(1, 2, "node1")
    book.blames(book.get(2, 3, 64, "node1", "node2"))


def test_a_lost_volume_is_found(book: Book) -> None:
    book.create(0, 1)
    book.blames(book.get(2, 3, 0))
    assert "64 MiB" in book.story()


def test_two_sizes_answered_with_ok_are_found(book: Book) -> None:
    book.create(0, 3)
    book.blames(book.create(1, 4, size=96))


def test_two_sources_answered_with_ok_are_found(book: Book) -> None:
    book.create(0, 3, source="a")
    book.blames(book.create(1, 4, source="b"))


def test_a_deleted_volume_that_is_still_there_is_found(book: Book) -> None:
    book.create(0, 1)
    book.delete(1, 2)
    book.blames(book.get(3, 4, 64))
    assert "absent" in book.story()


def test_a_volume_deleted_under_its_node_is_found(book: Book) -> None:
    book.create(0, 1)
    book.publish(1, 2, "node1")
    book.blames(book.delete(2, 3))


def test_a_forgotten_attachment_is_found(book: Book) -> None:
    book.create(0, 1)
    book.publish(1, 2, "node1")
    book.blames(book.get(2, 3, 64))


def test_a_detachment_that_did_nothing_is_found(book: Book) -> None:
    book.create(0, 1)
    book.publish(1, 2, "node1")
    book.unpublish(2, 3, "node1")
    book.blames(book.publish(3, 4, "node2", "FAILED_PRECONDITION", holder="node1"))


def test_a_refusal_that_names_the_wrong_node_is_found(book: Book) -> None:
    book.create(0, 1)
    book.publish(1, 2, "node1")
    book.blames(book.publish(2, 3, "node2", "FAILED_PRECONDITION", holder="node3"))


def test_a_create_refused_for_an_equal_volume_is_found(book: Book) -> None:
    book.create(0, 1)
    book.blames(book.create(2, 3, "ALREADY_EXISTS"))


def test_an_answer_that_the_model_does_not_know_is_found(book: Book) -> None:
    book.create(0, 1)
    book.blames(book.publish(1, 2, "node1", "INTERNAL"))


def test_a_wrong_size_is_found(book: Book) -> None:
    book.create(0, 1)
    book.blames(book.get(2, 3, 96))


def test_calls_given_up_by_the_hundred_are_checked_in_time(book: Book) -> None:
    """A right server is never accused, and a wrong answer at the end is still seen."""
    chance = random.Random(7)
    state = model.State()
    for number in range(600):
        begin = number * 0.08
        kind = chance.choice(["create", "delete", "publish", "unpublish", "get"])
        known = chance.random() < 0.7
        state = _serve(book, state, kind, begin, known, chance)
    verdict = linearize.check(V, book.history.ops)
    assert verdict.good, verdict.story
    assert not verdict.loose
    book.create(100, 101) if not state.size else None
    book.blames(book.add(102, 103, "ControllerGetVolume", "OK", {}, size=1, nodes=[]))


def _serve(book: Book, state: model.State, kind: str, begin: float, known: bool,
           chance: random.Random) -> model.State:
    """A server that is right: answers one call, or does it and loses the answer."""
    end = begin + chance.uniform(0.01, 0.3)
    node = chance.choice(["node1", "node2", "ghost"])
    if kind == "get":
        book.get(begin, begin + 0.001, state.size // MIB, *([state.holder] if state.holder else []))
        return state
    calls = {"create": lambda outcome: book.create(begin, begin + 0.001 if known else end, outcome),
             "delete": lambda outcome: book.delete(begin, begin + 0.001 if known else end, outcome,
                                                   **({"holder": state.holder} if "FAILED" in outcome else {})),
             "publish": lambda outcome: book.publish(begin, begin + 0.001 if known else end, node, outcome,
                                                     **({"holder": state.holder} if "FAILED" in outcome else {})),
             "unpublish": lambda outcome: book.unpublish(begin, begin + 0.001 if known else end, node, outcome)}
    outcome = "OK"
    if kind == "publish" and not state.size:
        outcome = "NOT_FOUND"
    elif state.holder and (kind == "delete" or (kind == "publish" and state.holder != node)):
        outcome = "FAILED_PRECONDITION"
    op = calls[kind](outcome if known else "?")
    after = model.effect(state, op) if chance.random() < 0.8 or known else None
    return after or state


def fenced(book: Book) -> None:
    """node1 has it, writes, is detached; node2 takes over."""
    book.stage(1, 2, "node1", 1)
    book.write(2, 3, "node1", (1, 1))
    book.unpublish(4, 5, "node1")
    book.stage(6, 7, "node2", 2)
    book.write(7, 8, "node2", (2, 1))


def test_writes_before_and_during_a_detachment_are_good(book: Book) -> None:
    fenced(book)
    book.write(3, 5.5, "node1", (1, 2))
    book.write(5.6, 6, "node1", (1, 3), "108")
    book.audit(9, 10, (1, 1), (1, 2), (2, 1))
    assert book.faults() == []


def test_a_write_acknowledged_after_its_detachment_is_found(book: Book) -> None:
    fenced(book)
    book.write(5.5, 6, "node1", (1, 2))
    assert book.faults() == ["late"]
    story = writes.judge(book.history)[0].story
    assert "ControllerUnpublishVolume" in story and "5.500" in story


def test_a_late_write_that_is_only_found_in_the_image_is_found(book: Book) -> None:
    fenced(book)
    book.write(5.5, 6, "node1", (1, 2), "108")
    book.audit(9, 10, (1, 1), (1, 2), (2, 1))
    assert book.faults() == ["late"]


def test_a_lost_record_is_found(book: Book) -> None:
    fenced(book)
    book.audit(9, 10, (2, 1))
    assert book.faults() == ["lost"]


def test_an_overwritten_record_is_not_lost(book: Book) -> None:
    fenced(book)
    book.write(3, 3.5, "node1", (1, 1 + writes.BLOCKS))
    book.audit(9, 10, (1, 1 + writes.BLOCKS), (2, 1))
    assert book.faults() == []


def test_an_older_record_in_the_place_of_a_newer_one_is_found(book: Book) -> None:
    fenced(book)
    book.write(3, 3.5, "node1", (1, 1 + writes.BLOCKS))
    book.audit(9, 10, (1, 1), (2, 1))
    assert book.faults() == ["lost"]


def test_the_records_of_a_deleted_volume_are_not_lost(book: Book) -> None:
    fenced(book)
    book.delete(8.5, 9, "?")
    book.audit(9, 10)
    assert book.faults() == []


def test_a_record_that_survives_its_volume_is_found(book: Book) -> None:
    fenced(book)
    book.delete(8.2, 8.5)
    book.audit(9, 10, (2, 1))
    assert book.faults() == ["foreign"]


def test_bytes_that_nobody_wrote_are_found(book: Book) -> None:
    fenced(book)
    book.audit(9, 10, (1, 1), (2, 1), (2, 9))
    assert book.faults() == ["foreign"]


def test_a_write_refused_without_a_detachment_is_found(book: Book) -> None:
    fenced(book)
    book.write(8, 9, "node2", (2, 2), "108")
    assert book.faults() == ["refused"]


def test_an_image_is_read_as_it_was_written() -> None:
    image = bytearray(writes.BYTES)
    offset = writes.place(3, 5)
    image[offset:offset + writes.BLOCK] = writes.text(V, 3, 5).encode().ljust(writes.BLOCK, b".")
    assert writes.found_in(bytes(image)) == {offset: "vol 3 5"}
    assert writes.parse(V, "vol 3 5") == (3, 5)
