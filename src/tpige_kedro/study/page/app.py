"""The server of the page: a link per rater, and below it only what this rater may see."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tpige_kedro.study.on_disk import Current
from tpige_kedro.study.page.asked import NotAVote, place_of, read_vote
from tpige_kedro.study.page.guard import Guard
from tpige_kedro.study.page.rater import Rater, Refused
from tpige_kedro.study.page.render import not_found_page, page_html, script, style
from tpige_kedro.study.votes_store import VotesStore

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

CHUNK = 1 << 16  # bytes
SIDES = ("left", "right")
Act = Callable[[Rater, "Request"], "Response"]


def make_app(current: Current, store: VotesStore, hosts: Collection[str] = ()) -> Guard:
    """The ASGI application. ``hosts`` are the names by which it may be called; empty: any."""
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route

    def words(key: str) -> str:
        return str(current.study().about["words"][key])

    def as_rater(act: Act) -> Callable[[Request], Response]:
        def endpoint(request: Request) -> Response:
            try:
                return act(Rater.of(request.path_params["token"], store, current), request)
            except Refused as refused:
                return _json({"problem": refused.word}, refused.status)

        return endpoint

    def page(request: Request) -> Response:
        try:
            Rater.of(request.path_params["token"], store, current)
        except Refused as refused:
            text = not_found_page(words("title"), words(refused.word))
            return Response(text, refused.status, media_type="text/html")
        return Response(page_html(current.study().about["words"]), media_type="text/html")

    def front(request: Request) -> Response:
        text = not_found_page(words("title"), words("unknown"))
        return Response(text, 404, media_type="text/html")

    async def voted(request: Request) -> Response:
        from starlette.concurrency import run_in_threadpool

        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return _json({"problem": "not JSON"}, 415)
        body = await request.body()
        return await run_in_threadpool(as_rater(partial(_vote, body)), request)

    def asset(text: str, kind: str) -> Callable[[Request], Response]:
        return lambda request: Response(text, media_type=kind)

    link = "/r/{token}"
    routes = [
        Route("/", front),
        Route("/page.js", asset(script("server_source"), "text/javascript")),
        Route("/page.css", asset(style(), "text/css")),
        Route(link, page),
        Route(f"{link}/state", as_rater(lambda rater, _: _json(rater.state()))),
        Route(f"{link}/agree", as_rater(_agree), methods=["POST"]),
        Route(f"{link}/delete", as_rater(_delete), methods=["POST"]),
        Route(f"{link}/pairs/{{place}}", as_rater(_pair)),
        Route(f"{link}/pairs/{{place}}/person", as_rater(_picture)),
        Route(f"{link}/pairs/{{place}}/votes", voted, methods=["POST"]),
        *(
            Route(f"{link}/pairs/{{place}}/{side}", as_rater(partial(_clip, side)))
            for side in SIDES
        ),
    ]
    return Guard(Starlette(routes=routes), hosts)


def _json(content: dict[str, Any], status: int = 200) -> Response:
    from starlette.responses import JSONResponse

    return JSONResponse(content, status)


def _number(request: Request) -> int:
    found = place_of(request.path_params["place"])
    if found is None:
        raise Refused(404, "not asked")
    return found


def _agree(rater: Rater, request: Request) -> Response:
    rater.agree()
    return _json({"agreed": True})


def _delete(rater: Rater, request: Request) -> Response:
    rater.forget()
    return _json({"deleted": True})


def _pair(rater: Rater, request: Request) -> Response:
    return _json(rater.pair(_number(request)))


def _vote(body: bytes, rater: Rater, request: Request) -> Response:
    number = _number(request)
    try:
        sent = read_vote(body, rater.current.study().about["questions"])
    except NotAVote as error:
        raise Refused(422, str(error)) from error
    rater.vote(number, sent)
    return _json({"saved": True})


def _picture(rater: Rater, request: Request) -> Response:
    file: Path = rater.picture(_number(request))
    return _bytes(file, "image/jpeg", lambda: None)


def _clip(side: str, rater: Rater, request: Request) -> Response:
    number = _number(request)
    return _bytes(rater.clip(number, side).file, "video/mp4", partial(rater.sent, number, side))


def _bytes(file: Path, kind: str, when_sent: Callable[[], None]) -> Response:
    """A file as bytes: no name, no time, no tag. ``when_sent`` is called once its last byte went out."""
    from starlette.responses import StreamingResponse

    try:
        opened = file.open("rb")
    except OSError as error:
        raise Refused(410, "removed") from error
    size = opened.seek(0, 2)
    opened.seek(0)

    def parts() -> Iterator[bytes]:
        with opened:
            while part := opened.read(CHUNK):
                yield part
        when_sent()

    return StreamingResponse(parts(), media_type=kind, headers={"content-length": str(size)})
