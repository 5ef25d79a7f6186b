"""The facts of a case: what is asked, why it matters, how it is measured, and the signals of failure there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

SECTION = "docs/framework.md §"
Kind = Literal["signals", "flag", "number", "choice"]


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: the question that asks for it, and how to find out where nobody knows."""

    name: str
    kind: Kind
    ask: str
    measure: str
    """What to do first where it is not known."""
    source: str
    options: tuple[tuple[str, str], ...] = ()
    least: float = 0.0
    most: float = 1e15
    unit: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Sign:
    """One signal of failure, by the framework's row."""

    name: str
    says: str
    row: str
    source: str


def _sign(name: str, row: str, says: str, section: str) -> Sign:
    return Sign(name, says, row, f"{SECTION}{section}")


SIGNALS: Mapping[str, Sign] = {
    s.name: s
    for s in (
        _sign("misunderstood", "W1", "it does not do what was asked", "1"),
        _sign("unknown_facts", "M1", "it does not know recent events or internal facts", "4"),
        _sign("broken_format", "M2", "formats vary or schemas break", "4"),
        _sign("wrong_in_domain", "M3", "it answers wrongly in our field", "4"),
        _sign("wrong_tone", "M4", "the tone or style is wrong, or wavers", "4"),
        _sign("misused_tools", "M5", "it calls tools wrongly", "4"),
        _sign("slow_prompt", "M6", "it is slow because the prompt is long", "4"),
        _sign("high_cost", "M7", "it costs too much at our volume", "4"),
        _sign("wrong_documents", "M8", "search brings the wrong documents", "4"),
        _sign("dear_prompt", "F4", "a long, stable prompt is paid for on every call", "3"),
        _sign("context_pressure", "P1", "prompt, examples and passages exceed 50,000 tokens a call", "3"),
        _sign("rules_slip", "P2", "rules are kept less as they grow in number", "3"),
        _sign("must_be_right", "R1", "some fields, dates or ranges must be right every time", "3"),
        _sign("vocabulary", "F5", "terms and abbreviations of our field come out wrong", "3"),
        _sign("small_model_short", "F6", "a small model falls short on one narrow, frequent task", "3"),
        _sign("tacit_judgement", "F7", "it lacks a judgement that nobody can write down", "3"),
        _sign("missing_skill", "F7", "it lacks a skill or a way of reasoning; there is nothing to look up", "10"),
        _sign("decays", "S3", "a tuned model gets worse", "9"),
        _sign("unexplained", "U", "it fails and nobody knows why", "1"),
    )
}


def _flag(name: str, ask: str, measure: str, section: str, group: str) -> Fact:
    return Fact(name, "flag", ask, measure, f"{SECTION}{section}", group=group)


def _number(name: str, ask: str, measure: str, section: str, group: str, unit: str = "", most: float = 1e15) -> Fact:
    return Fact(name, "number", ask, measure, f"{SECTION}{section}", unit=unit, most=most, group=group)


def _choice(name: str, ask: str, measure: str, section: str, group: str, **options: str) -> Fact:
    return Fact(name, "choice", ask, measure, f"{SECTION}{section}", tuple(options.items()), group=group)


CASE, TRIED, KNOWLEDGE, TRAFFIC, TUNING = "The case", "What was tried", "Knowledge", "Traffic", "Before tuning"

FACTS: Mapping[str, Fact] = {
    f.name: f
    for f in (
        _choice(
            "situation",
            "What runs today?",
            "Look at what is in production before anything is planned",
            "9",
            CASE,
            nothing="nothing yet",
            prompt="a prompt over a model",
            retrieval="a prompt with retrieval",
            tuned="a fine-tuned model",
        ),
        Fact(
            "signals",
            "signals",
            "What goes wrong?",
            "Read fifty failures, or run `suffice climb` and `suffice diagnose`",
            f"{SECTION}4",
            group=CASE,
        ),
        _flag(
            "defined",
            "Would two colleagues agree on what a right answer is?",
            "Have two people answer the same twenty inputs apart, and compare",
            "10",
            CASE,
        ),
        _choice(
            "output",
            "What does an answer look like?",
            "Write down three right answers",
            "3",
            CASE,
            labels="one of some labels",
            fields="a record of fields",
            text="free text",
            tools="tool calls",
        ),
        _number(
            "failing",
            "What share of replies is wrong today?",
            "Score today's stack on the test items: `suffice run`",
            "10",
            CASE,
            "a share from 0 to 1",
            1,
        ),
        _number(
            "accepted",
            "What share of wrong replies can the use live with?",
            "Ask who pays for a wrong reply what one costs",
            "10",
            CASE,
            "a share from 0 to 1",
            1,
        ),
        _number(
            "test_items",
            "How many examples judge, that nothing learns from?",
            "Collect 50 to 100 examples and set unusual input aside on its own: `suffice new`",
            "5",
            CASE,
            "examples",
        ),
        _choice(
            "plain",
            "What did a rule, a lookup or a word-count classifier reach?",
            "Run the rung without a model: `suffice climb` tries it first",
            "3",
            TRIED,
            untried="never tried",
            short="too little",
            enough="enough",
        ),
        _number(
            "prompts_tried",
            "How many serious prompts were measured (role, output format, edge cases)?",
            "Write one serious prompt and measure it; a line or two does not count",
            "3",
            TRIED,
            "prompts",
        ),
        _flag(
            "examples_tried",
            "Were solved examples shown in the prompt, and measured?",
            "Put three to ten good examples into the prompt and measure",
            "3",
            TRIED,
        ),
        _flag(
            "structure_tried",
            "Is structured output (a schema or grammar) on, and measured?",
            "Turn on the provider's structured output and measure",
            "3",
            TRIED,
        ),
        _number(
            "format_failing",
            "With structured output on, what share of replies still breaks the format?",
            "Count broken replies with structured output on; 300 without one rule out 1 %",
            "3",
            TRIED,
            "a share from 0 to 1",
            1,
        ),
        _flag(
            "checks_tried",
            "Do rules check each reply, and ask again on a violation?",
            "Write the rules as checks (`rules.yaml`) and count violations",
            "3",
            TRIED,
        ),
        _choice(
            "sources",
            "Where do the facts behind the answers stand?",
            "Look up ten answers by hand, and note where they stood",
            "3",
            KNOWLEDGE,
            none="nowhere",
            documents="in documents",
            database="in a database or a live system",
        ),
        _flag(
            "gold_helps",
            "Does it answer rightly when the right passage is put in the prompt by hand?",
            "Hand it the right passage for twenty failures: `suffice diagnose`",
            "4",
            KNOWLEDGE,
        ),
        _choice(
            "knowledge_changes",
            "How often do the facts behind the answers change?",
            "Compare the sources with last month's",
            "3",
            KNOWLEDGE,
            **{word: word for word in ("never", "yearly", "quarterly", "monthly", "weekly", "daily", "hourly")},
        ),
        _flag("must_cite", "Must an answer name its source?", "Ask who is liable for an answer", "3", KNOWLEDGE),
        _number(
            "corpus_tokens",
            "How large are all documents together?",
            "Count their characters and divide by four",
            "3",
            KNOWLEDGE,
            "tokens",
        ),
        _number(
            "window_tokens",
            "How much does the model's context window hold?",
            "Read the model's card",
            "3",
            KNOWLEDGE,
            "tokens",
        ),
        _number(
            "latency_ms",
            "In how many milliseconds must an answer be there (P95)?",
            "Ask who waits for the answer, and how long they do",
            "7",
            TRAFFIC,
            "ms; 60000 where nobody waits",
        ),
        _number(
            "recall",
            "What share of the right passages does search bring back?",
            "Name the right passage of fifty questions and count how often search returns it",
            "3",
            KNOWLEDGE,
            "a share from 0 to 1",
            1,
        ),
        _flag(
            "rerank_tried",
            "Are search results reranked, and was that measured?",
            "Rerank the results and measure recall and P95",
            "4",
            KNOWLEDGE,
        ),
        _number(
            "question_pairs",
            "How many pairs of a question and its right passage are there?",
            "Collect pairs from experts or from clicks in production",
            "5",
            KNOWLEDGE,
            "pairs",
        ),
        _number(
            "prompt_tokens",
            "How long is the part of the prompt that every call repeats?",
            "Count tokens in the traces: `suffice audit`",
            "3",
            TRAFFIC,
            "tokens",
        ),
        _flag(
            "prompt_stable",
            "Is that part the same on every call?",
            "Compare the beginnings of prompts in the log: `suffice audit`",
            "3",
            TRAFFIC,
        ),
        _flag(
            "caching",
            "Is prompt caching on, and are its reads counted?",
            "Put stable parts first, turn caching on, and read cached tokens in the bill",
            "3",
            TRAFFIC,
        ),
        _flag(
            "smaller_tried",
            "Was a smaller model with the same prompt measured?",
            "Run the same stack over a smaller model and compare",
            "4",
            TRAFFIC,
        ),
        _number(
            "usd_per_month",
            "What does the model cost in a month?",
            "Read the bill, or `suffice audit` a log",
            "6",
            TRAFFIC,
            "US dollars",
        ),
        _number(
            "requests_per_day",
            "How many requests a day?",
            "Count a week of production logs",
            "6",
            TRAFFIC,
            "requests",
        ),
        _flag(
            "teacher",
            "Is there a strong model that does this task well enough to label data?",
            "Score a strong model on the test items",
            "3",
            TUNING,
        ),
        _number(
            "stable_months",
            "For how many months will the task stay as it is?",
            "Count how often the requirements changed in the last year",
            "3",
            TUNING,
            "months",
        ),
        _flag(
            "owner",
            "Will a named person train it again when the base model, the data or the task moves?",
            "Find the person, and have them agree",
            "2",
            TUNING,
        ),
        _flag(
            "metric",
            "Is the metric named that pays for the upkeep?",
            "Name the number that must move, and by how much",
            "2",
            TUNING,
        ),
        _number(
            "clean_pairs",
            "How many clean, consistent pairs of input and output are there?",
            "Curate what there is: `suffice data curate`",
            "5",
            TUNING,
            "pairs",
        ),
        _flag(
            "reviewed",
            "Were the pairs reviewed, and do they agree with one another?",
            "Look for contradictions and wrong labels: `suffice data suspects`",
            "10",
            TUNING,
        ),
        _flag(
            "teaches_facts",
            "Would training repeat facts that a document or a database holds?",
            "Check ten pairs: could the output be looked up?",
            "3",
            TUNING,
        ),
        _flag(
            "each_layer_measured",
            "Can the evaluation tell what each layer adds on its own?",
            "Leave each layer out in turn: `suffice ablate`",
            "3",
            TUNING,
        ),
        _flag(
            "base_ahead",
            "On recent requests, does an untuned model with a good prompt beat the tuned one?",
            "Put the last weeks' requests to the tuned model and to an untuned strong one",
            "9",
            TUNING,
        ),
    )
}
"""Every fact by its name, in the order in which they are asked."""
