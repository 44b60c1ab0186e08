"""Text never becomes HTML, whatever it is, and addresses are links only where they are of the web."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocaas_ci.site.facts import is_page_job, is_page_name
from neurocaas_ci.site.markup import Markup, el, join, outside, visible

ANY = st.text() | st.text(alphabet="<>&\"'/=!- \n\tab;#x\u202e\x00\ud800")


class _Reader(HTMLParser):
    def __init__(self, content):
        super().__init__(convert_charrefs=True)
        self.tags, self.text = [], ""
        self.feed(content)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.tags.append(("comment", data))

    def handle_decl(self, decl):
        self.tags.append(("declaration", decl))


@given(ANY, ANY)
def test_what_is_put_in_is_what_a_reader_gets_out(content, value):
    read = _Reader(el("p", content, title=value))
    assert read.tags == [("p", {"title": visible(value)})]
    assert read.text == visible(content)
    el("p", content).encode()


def test_markup_is_not_escaped_twice_and_nothing_is_left_out_silently():
    inner = el("b", "a & b")
    assert el("p", inner, ["<", None, (inner,)], class_=None) == (
        "<p><b>a &amp; b</b>&lt;<b>a &amp; b</b></p>"
    )
    assert isinstance(join("<"), Markup)


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", " https://a.example", "https://a.example/\n", "data:text/html,x", "//a.example",
     "https://user@a.example/", "https:///a", "HTTPS://a.example", "https://a.example/ x", "", "vbscript:x"],
)  # fmt: skip
def test_what_is_no_plain_address_of_the_web_is_no_link(address):
    assert outside(address, "there") == "there"


def test_an_address_of_the_web_is_a_link_that_gives_nothing_away():
    made = outside('https://a.example/?q="&b', "<there>")
    assert 'href="https://a.example/?q=&quot;&amp;b"' in made
    assert 'rel="noopener noreferrer nofollow"' in made
    assert "&lt;there&gt;" in made


@pytest.mark.parametrize(
    ("name", "good"),
    [("pmd", True), ("a-b2", True), ("..", False), ("a/b", False), ("A", False), ("a\n", False), ("", False),
     ("-a", False), ("a" * 64, False)],
)  # fmt: skip
def test_only_names_of_the_schema_become_names_of_files(name, good):
    assert is_page_name(name) is good
    assert is_page_job(f"ada/2026-11/{name}") is good
