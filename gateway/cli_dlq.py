"""`paygate dlq`: messages that could not be applied, and their way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli_output import JsonFlag, print_json, print_line, print_table
from gateway.events.kafka.topics import Topics
from gateway.settings import load_settings

if TYPE_CHECKING:
    from gateway.events.kafka.dead_letters import DeadLetter

dlq_app = typer.Typer(help="Look after messages that could not be applied.", rich_markup_mode=None)

TopicOption = Annotated[
    str, typer.Option(help="The topic they were meant for, such as paygate.payments.v1.")
]


@dlq_app.callback()
def _group() -> None:
    """Look after messages that could not be applied."""


@dlq_app.command("list")
def list_letters(topic: TopicOption = "", json_output: JsonFlag = False) -> int:
    """List dead letters that were not replayed, with the reason of each."""
    from gateway.events.kafka.config import kafka_config  # noqa: PLC0415 - --help does without the library
    from gateway.events.kafka.dead_letter_box import open_dead_letter_box  # noqa: PLC0415 - as above

    config = kafka_config(load_settings())
    with open_dead_letter_box(config) as box:
        letters = list(box.waiting(_chosen(config.topics, topic)))
    if json_output:
        print_json({"messages": [asdict(letter) for letter in letters]})
    else:
        _print(letters)
    return 0


@dlq_app.command()
def replay(
    topic: TopicOption,
    offset: Annotated[
        int | None, typer.Option(min=0, help="Only the one at this offset of the dead letters.")
    ] = None,
    partition: Annotated[
        int, typer.Option(min=0, help="Where that offset is, if there are several.")
    ] = 0,
    json_output: JsonFlag = False,
) -> int:
    """Publish dead letters to their topic again; each once, however often this is run."""
    from gateway.events.kafka.config import kafka_config  # noqa: PLC0415 - as above
    from gateway.events.kafka.dead_letter_box import open_dead_letter_box  # noqa: PLC0415 - as above

    config = kafka_config(load_settings())
    (chosen,) = _chosen(config.topics, topic)
    with open_dead_letter_box(config) as box:
        place = None if offset is None else (partition, offset)
        letters = list(box.replay(chosen, place))
    if json_output:
        print_json({"replayed": [asdict(letter) for letter in letters]})
    else:
        _print(letters)
        print_line(f"replayed {len(letters)} to {chosen}")
    return 0


def _chosen(topics: Topics, topic: str) -> Sequence[str]:
    if not topic:
        return topics.sources
    if topic not in topics.sources:
        names = ", ".join(topics.sources)
        raise typer.BadParameter(f"there is no topic {topic!r}: give one of {names}")
    return (topic,)


def _print(letters: Sequence[DeadLetter]) -> None:
    rows = [
        (
            letter.topic,
            str(letter.offset),
            letter.reason,
            letter.detail,
            letter.key,
            letter.origin,
            letter.time,
        )
        for letter in letters
    ]
    if rows:
        print_table(("topic", "offset", "reason", "detail", "key", "found at", "time"), rows)
