"""What is for those who have the link is kept out of caches and of search engines."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpResponseBase
from django.views.decorators.cache import never_cache

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def unlisted(view: View) -> View:
    """For a view: nobody is to keep the response, or to list it."""

    @never_cache
    @functools.wraps(view)
    def hidden(*args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(*args, **kwargs)
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return hidden  # type: ignore[return-value]
