"""An archive in the format of MovieLens latest-small, and a server on this machine that hands it out."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MOVIES = """movieId,title,genres
1,Toy Story (1995),Adventure|Animation|Children|Comedy|Fantasy
2,"American President, The (1995)",Comedy|Drama|Romance
3,"Misérables, Les (1995)",Drama|War
4,Nobody Rated This (2001),(no genres listed)
"""
RATINGS = """userId,movieId,rating,timestamp
1,1,4.0,964982703
1,2,0.5,964981247
2,1,5.0,964982224
2,3,3.5,964983815
7,3,2.0,964982931
"""
TAGS = '''userId,movieId,tag,timestamp
2,1,pixar,1139045764
7,1,Pixar,1139045765
2,1,"fun, for children",1139045766
7,3,"""revolution""",1139045767
'''
FILES = {
    "README.txt": "Summary\n=======\n\nThis dataset (ml-latest-small) describes 5-star rating and tagging …\n",
    "links.csv": "movieId,imdbId,tmdbId\n1,0114709,862\n",
    "movies.csv": MOVIES,
    "ratings.csv": RATINGS,
    "tags.csv": TAGS,
}

Answer = Callable[[BaseHTTPRequestHandler], None]


def archive(**changes: str | None) -> bytes:
    """The zip with its files in a folder; ``changes`` (movies=…, tags=None) replace or leave out tables."""
    files = dict(FILES)
    for stem, content in changes.items():
        files.pop(f"{stem}.csv")
        if content is not None:
            files[f"{stem}.csv"] = content
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(f"ml-latest-small/{name}", content)
    return buffer.getvalue()


def sends(content: bytes, *, announced: int | None = None) -> Answer:
    """An answer with ``content``, whose length is announced, rightly or not."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content) if announced is None else announced))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def refuses(code: int) -> Answer:
    """An answer with an HTTP error."""
    return lambda handler: handler.send_error(code)


def sends_on(url: str) -> Answer:
    """An answer that names another address."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", url)
        handler.end_headers()

    return answer


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """A server that gives every request this answer; the address of an archive on it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            """Tests need no log of requests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/ml-latest-small.zip"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
