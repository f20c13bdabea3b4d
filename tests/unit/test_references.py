"""References to variables, against the Collector's algorithm written a second time, as it is."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from floe_local import references as refs
from floe_local.errors import InputError
from floe_local.plan.env_refs import escape_dollars, missing, references, resolve, substituted

SET = {"A": "a", "URL": "http://h:1", "EMPTY": "", "OTHER": "A"}

TABLE: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "plain": ("plain", (), ()),
    "${env:A}": ("a", ("A",), ("A",)),
    "${A}": ("a", ("A",), ("A",)),
    "$A": ("$A", (), ()),
    "x ${env:A}${A} y": ("x aa y", ("A",), ("A",)),
    "${env:NO}": ("${env:NO}", ("NO",), ("NO",)),
    "${env:NO:-d}": ("d", ("NO",), ()),
    "${env:NO:-}": ("", ("NO",), ()),
    "${env:A:-d}": ("a", ("A",), ()),
    "${env:EMPTY:-d}": ("", ("EMPTY",), ()),
    "${env:NO:-h:4317}": ("h:4317", ("NO",), ()),
    "${env:NO:-a:-b}": ("a:-b", ("NO",), ()),
    "${env:NO:-${env:A}}": ("a", ("A", "NO"), ("A",)),
    "${env:NO:-${env:N2:-z}}": ("z", ("N2", "NO"), ()),
    "${env:NO:-x${env:N2:-${A}}y}": ("xay", ("A", "N2", "NO"), ("A",)),
    "${env:A:-${env:NO}}": ("a", ("A", "NO"), ("NO",)),
    "${env:NO:-${env:N2}}": ("${env:N2}", ("N2", "NO"), ("N2",)),
    "${env:${env:OTHER}}": ("${env:${env:OTHER}}", ("OTHER",), ("OTHER",)),
    "$${env:A}": ("$${env:A}", (), ()),
    "$$${env:A}": ("$$a", ("A",), ("A",)),
    "$$$${env:A}": ("$$$${env:A}", (), ()),
    "${env:A} $${env:NO}": ("a $${env:NO}", ("A",), ("A",)),
    "$${env:NO} ${env:A}": ("$${env:NO} ${env:A}", (), ()),
    "${env:A": ("${env:A", (), ()),
    "}${env:A}": ("}a", ("A",), ("A",)),
    "${ ${env:A}": ("${ a", ("A",), ("A",)),
    "{${env:A}}": ("{a}", ("A",), ("A",)),
    "${env:NO:-{x: 1}}": ("{x: 1}", ("NO",), ()),
    "${file:/x}": ("${file:/x}", (), ()),
    "${file:${env:A}}": ("${file:${env:A}}", ("A",), ("A",)),
    "${NO:-d}": ("d", ("NO",), ()),
    "${}": ("${}", (), ()),
    "${1}": ("${1}", (), ()),
    "${env:a b}": ("${env:a b}", (), ()),
}


@pytest.mark.parametrize("text", TABLE)
def test_what_a_text_refers_to(text: str) -> None:
    filled, named, needed = TABLE[text]
    parts = refs.parse(text)

    assert refs.written(parts) == text
    assert refs.filled(parts, SET) == filled
    assert references(text) == named
    assert missing(text, {}) == needed


@pytest.mark.parametrize(
    ("text", "environ", "lacking"),
    [
        ("${env:A:-${env:B}}", {"A": "1"}, ()),
        ("${env:A:-${env:B}}", {}, ("B",)),
        ("${env:A:-${env:B}}", {"A": ""}, ("B",)),
        ("${env:A}", {"A": ""}, ("A",)),
    ],
)
def test_what_stands_in_a_default_is_needed_with_the_default_only(
    text: str, environ: dict[str, str], lacking: tuple[str, ...]
) -> None:
    assert missing([text], environ) == lacking
    if lacking:
        with pytest.raises(InputError, match=f"here: variable {lacking[0]} is not set"):
            resolve(text, environ, "here")
    else:
        assert resolve({"k": [text]}, environ, "here") == {"k": ["1"]}


def test_an_empty_variable_is_the_default_for_what_is_no_collector() -> None:
    assert resolve("${env:A:-d}", {"A": ""}, "here") == "d"


def test_variables_are_replaced_within_defaults_and_others_stay() -> None:
    text = "${env:A:-${env:KEY}} ${file:${env:KEY}} ${env:B:-b}"
    assert substituted(text, {"KEY": "k"}) == "${env:A:-k} ${file:k} ${env:B:-b}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("${env:A:-x}", None),
        ("${yaml:{a: 1}", None),
        ("${A:-x}", "a default needs the scheme"),
        ("${vault:x}", "the Collector has no scheme 'vault'"),
        ("${}", "'' is not a variable name"),
        ("${env:${env:P}}", "'${env:P}' is not a variable name"),
        ("${env:A:-x$y}", "the Collector takes no '$' inside of a reference"),
    ],
)
def test_why_the_collector_refuses_a_reference(text: str, why: str | None) -> None:
    (reference,) = (part for part in refs.parse(text) if isinstance(part, refs.Reference))
    assert refs.fault(reference) == why


def test_deep_nesting_is_plain_text() -> None:
    text = "${env:A:-" * 10_000 + "}" * 10_000
    assert refs.written(refs.parse(text)) == text


def _confmap(text: str, environ: dict[str, str]) -> str:
    """Expand a text as confmap's expand.go does: find, replace, begin again."""
    for _ in range(100):
        uri = _find(text)
        name, has_default, default = uri[2:-1].removeprefix("env:").partition(":-")
        if not uri or not re.fullmatch("[A-Z]+", name) or "$" in default:
            return text
        if name not in environ and not has_default:
            return text
        text = text.replace(uri, environ.get(name, default))
    return text


def _find(text: str) -> str:
    close = text.find("}")
    if close < 0:
        return ""
    start = text.rfind("${", 0, close + 1)
    if start < 0:
        return _find(text[close + 1 :])
    before = text[:start]
    escaping = len(before) - len(before.rstrip("$"))
    return "" if escaping % 2 else text[start : close + 1]


pieces = st.sampled_from(
    ["$", "$$", "${", "${env:", "}", "A", "B", "C", ":-", "${env:A}", "${B}", "${env:C:-", "x", " "]
)


@given(st.lists(pieces, max_size=9).map("".join))
@example("${env:A} $${env:A}")
@example("$${ ${env:A} }")
def test_texts_are_read_as_the_collector_reads_them(text: str) -> None:
    environ = {"A": "1", "B": "2"}
    parts = refs.parse(text)
    assert refs.written(parts) == text
    if all(refs.fault(r) is None for r in refs.references(parts)) and not missing(text, environ):
        assert refs.filled(parts, environ) == _confmap(text, environ)


@given(st.text(alphabet="$${}envA:-x", max_size=30))
def test_any_text_is_taken_apart_and_written_again(text: str) -> None:
    assert refs.written(refs.parse(text)) == text
    assert references(escape_dollars(text)) == references(text)
