"""Reading posts: files, encodings, front matter, Markdown, drafts, sentences."""

from kb.posts.boilerplate import mark_boilerplate
from kb.posts.files import UNLISTED, Fault, Found, find, load
from kb.posts.front import front_matter, info
from kb.posts.layout import Layout, layout

__all__ = ["UNLISTED", "Fault", "Found", "Layout", "find", "front_matter", "info", "layout", "load", "mark_boilerplate"]
