"""Walls of instruction and knowledge: what a model was not told, does not know, or does not find."""

from __future__ import annotations

from ..signals import RECALL
from .condition import among, at_least, below, every, gates, no, seen, some, within, yes
from .rule import ALWAYS, ENOUGH, POOR, TRIED_PROMPT, Topic, row

WINDOW = 50_000
"""Tokens of context above which a call is under pressure (docs/framework.md §3)."""
PIPELINE_MS = 500.0
"""A budget under which retrieval's 300 to 1,200 ms are too much (docs/framework.md §3)."""
RERANK_MS = 1_000.0
"""Retrieval from 800 ms at P50 and 200 ms more with reranking (docs/framework.md §7)."""

INSTRUCTION = Topic(
    "instruction",
    seen("misunderstood"),
    (
        row(
            "W1.examples",
            TRIED_PROMPT,
            "examples",
            "Show three to ten solved cases, those that were misread among them",
            "Said clearly and still misread: an example says what words did not",
            "3",
        ),
        row(
            "W1.prompt",
            ALWAYS,
            "prompt",
            "Say what is wanted: role, output format, edge cases and when to refuse",
            "An instruction that was never given clearly yields to a better prompt, and to nothing heavier",
            "1",
        ),
    ),
    "examples",
    unless=ENOUGH,
)

KNOWLEDGE = Topic(
    "knowledge",
    some(seen("unknown_facts", "wrong_in_domain"), every(yes("must_cite"), no(among("situation", "retrieval")))),
    (
        row(
            "M3.cite",
            every(among("gold_helps", False), no(seen("unknown_facts")), yes("must_cite")),
            "retrieval",
            "Retrieve for the sake of the citation, and mend the answers by a clearer prompt with examples",
            "Facts are not what is missing, but an answer has to name its source",
            "3",
        ),
        row(
            "M3.not",
            every(among("gold_helps", False), no(seen("unknown_facts"))),
            "prompt",
            "Leave the documents: say what is wanted more clearly, then show examples",
            "The right passage in its hands does not help, so facts are not what is missing",
            "4",
        ),
        row(
            "M1.nowhere",
            among("sources", "none"),
            "measure",
            "Write the sources first, or find out whether this is a matter of judgement instead",
            "There is nothing to look up, and no tuning makes facts that stand nowhere reliable",
            "3",
        ),
        row(
            "M1.query",
            some(among("sources", "database"), among("knowledge_changes", "hourly")),
            "live_query",
            "Query the database when the question comes",
            "Values that move faster than an index follows (prices, stock, sensors) are queried, not indexed",
            "3",
        ),
        row(
            "M1.there",
            among("situation", "retrieval"),
            "measure",
            "Tell failures to find from failures to answer by handing it the right passages; mend the finding first",
            "Retrieval is there already, and nine in ten of its quality problems lie in search or in the evaluation",
            "9",
        ),
        row(
            "M1.window",
            every(within("corpus_tokens", "window_tokens"), below("corpus_tokens", WINDOW)),
            "long_context",
            "Put all documents into the prompt, stable parts first and cached",
            "The whole corpus fits: long context does retrieval's job with less machinery",
            "3",
        ),
        row(
            "M1.slow",
            below("latency_ms", PIPELINE_MS),
            "live_query",
            "Move the search off the path: a keyed lookup, or answers that are prepared ahead",
            "A retrieval pipeline adds 300 to 1,200 ms at P50: too much under 500 ms",
            "3",
        ),
        row(
            "M1.retrieve",
            ALWAYS,
            "retrieval",
            "Index the documents, search by words and meaning, and cite the passage",
            "Facts that are private, recent, many, moving or to be cited are looked up, never trained in",
            "4",
        ),
    ),
    "retrieval",
    unless=every(ENOUGH, no(yes("must_cite"))),
)

SEARCH = Topic(
    "search",
    seen("wrong_documents"),
    (
        row(
            "M8.embed",
            every(
                gates("embedding"),
                some(yes("rerank_tried"), below("latency_ms", RERANK_MS)),
                below("recall", RECALL),
                POOR,
            ),
            "embedder",
            "Tune the embedder on questions with their passages, re-index, and measure recall",
            "Search misses what is there, and the field's vocabulary is what general embedders lack",
            "4",
        ),
        row(
            "M8.found",
            at_least("recall", RECALL),
            "prompt",
            "Show fewer and better passages, and ask for an answer from them alone",
            "The right passages are found; what fails is the answer made of them",
            "9",
        ),
        row(
            "M8.reranked",
            yes("rerank_tried"),
            "retrieval",
            "Mend chunks, filters and the mix of words and meaning; collect questions with their passages meanwhile",
            "Reranking was measured, and a gate before tuning the embedder is shut or open",
            "3",
        ),
        row(
            "M8.rerank",
            at_least("latency_ms", RERANK_MS),
            "reranking",
            "Rerank what search returns, and watch P95",
            "Ordering comes before training, and the budget holds another 200 to 400 ms",
            "4",
        ),
        row(
            "M8.search",
            ALWAYS,
            "retrieval",
            "Mend chunks, filters and the mix of words and meaning, against fifty questions with a known passage",
            "Search is where such systems fail: the model is not touched",
            "3",
        ),
    ),
    "embedder",
    "embedding",
    unless=ENOUGH,
)

VOCABULARY = Topic(
    "vocabulary",
    seen("vocabulary"),
    (
        row(
            "F5.tune",
            every(gates("lora"), POOR, some(among("sources", "none"), among("situation", "retrieval", "tuned"))),
            "fine_tuning",
            "Tune a small LoRA on text of the field; facts stay in the documents",
            "Terms stay wrong with passages in front of the model, or nothing explains them",
            "3",
        ),
        row(
            "F5.glossary",
            every(TRIED_PROMPT, among("sources", "none")),
            "examples",
            "Have an expert write ten cases that use the terms rightly, and show them",
            "Nothing explains the terms, so there is nothing to retrieve; examples are lighter than a tune",
            "3",
        ),
        row(
            "F5.retrieve",
            TRIED_PROMPT,
            "retrieval",
            "Retrieve the field's documents at the time of the question, a glossary among them",
            "Several prompts did not help: the terms are knowledge, and knowledge is looked up",
            "10",
        ),
        row(
            "F5.prompt",
            ALWAYS,
            "prompt",
            "Put a glossary of the terms into the prompt and measure it",
            "A few dozen terms fit into a prompt",
            "3",
        ),
    ),
    "fine_tuning",
    "lora",
    unless=ENOUGH,
)

DECAY = Topic(
    "decay",
    seen("decays"),
    (
        row(
            "S3.drift",
            yes("base_ahead"),
            "prompt",
            "Put the current base model with a good prompt in its place; train again only if that falls short",
            "An untuned model beats it on recent requests: the data has drifted, and the base moved on",
            "9",
        ),
        row(
            "S3.replay",
            ALWAYS,
            "measure",
            "Put the last weeks' requests to the tuned model and to an untuned strong one, and compare",
            "A clear gap means that the data has drifted; without one, look at what else changed",
            "9",
        ),
    ),
    "prompt",
    unless=ENOUGH,
)

UNEXPLAINED = Topic(
    "unexplained",
    seen("unexplained"),
    (
        row(
            "U.measure",
            ALWAYS,
            "measure",
            "Read fifty failures, or have them probed: `suffice climb`, then `suffice diagnose`",
            "What fits no wall is not diagnosed yet: the evaluation is the diagnosis",
            "1",
        ),
    ),
    "measure",
    unless=ENOUGH,
)
