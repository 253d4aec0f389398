"""A web server on the loopback interface that misbehaves as it is told to."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT = bytes(range(256)) * 400
HTML = b"<!DOCTYPE html><html>come back later</html>"


class Mirror(ThreadingHTTPServer):
    """Serves CONTENT under paths that name the fault; `requests` are (path, Range header) as they came."""

    def __init__(self) -> None:
        self.content = CONTENT
        self.requests: list[tuple[str, str | None]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def url(self, fault: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{fault}"


class _Handler(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        self.server.requests.append((self.path, self.headers.get("Range")))
        getattr(self, self.path.removeprefix("/").replace("-", "_"))()

    def good(self) -> None:
        start = self._start()
        self._answer(206 if start else 200, self.server.content[start:], start=start)

    def cut_off(self) -> None:
        rest = CONTENT[self._start() :]
        self._answer(206 if self._start() else 200, rest[: len(rest) // 2], start=self._start(), length=len(rest))

    def no_range(self) -> None:
        self._answer(200, CONTENT)

    def other_range(self) -> None:
        self._answer(206, CONTENT[5:], start=5)

    def no_length(self) -> None:
        self._answer(200, CONTENT, length=None)

    def wrong_bytes(self) -> None:
        self._answer(200, CONTENT[::-1])

    def too_long(self) -> None:
        self._answer(200, CONTENT * 2)

    def html(self) -> None:
        self._answer(200, HTML, kind="text/html; charset=utf-8")

    def not_found(self) -> None:
        self._answer(404, HTML, kind="text/html")

    def to_good(self) -> None:
        self._redirect("/good")

    def to_local_file(self) -> None:
        self._redirect("file:///etc/hostname")

    def to_half_an_address(self) -> None:
        self._redirect("http://[::1")

    def to_a_word_as_port(self) -> None:
        self._redirect("http://127.0.0.1:port/x")

    def silent(self) -> None:
        """Hang up without an answer."""

    def _start(self) -> int:
        return int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))

    def _answer(
        self, status: int, body: bytes, *, start: int = 0, length: int | None = -1, kind: str = "application/gzip"
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(len(body) if length < 0 else length))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        self.wfile.write(body)

    def _redirect(self, place: str) -> None:
        self.send_response(302)
        self.send_header("Location", place)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """The tests' output is no place for a server's log."""
