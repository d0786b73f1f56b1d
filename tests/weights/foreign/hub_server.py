"""A small server that speaks the Hugging Face hub's protocol, for one repository `org/name`.

Large files come from another host, as they do there: "localhost" where the hub is 127.0.0.1.
"""

import hashlib
import json
import re
import socket
import struct
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

REPOSITORY = "org/name"
# Files of this size and longer are sent from another address, as Git LFS does.
LARGE = 1000


class Hub:
    """What the server has, and what it was asked for.

    files: by revision and name. refuses: a status and an X-Error-Code for the API ("api"), for
    files ("files"). breaks: after how many bytes a large file breaks off, once for each number.
    resets: whether by a reset of the connection, as firewalls do it.
    holds: after how many bytes a large file stops, until `released`. renamed: an old name of the
    repository.
    """

    def __init__(self):
        self.files = {"main": {}}
        self.refuses = {}
        self.breaks = []
        self.resets = False
        self.holds = 0
        self.holding, self.released = threading.Event(), threading.Event()
        self.renamed = ""
        self.asked = []
        self.sent = {}

    def commit(self, revision):
        for name, files in self.files.items():
            content = repr(sorted(files.items())).encode()
            if revision in (name, hashlib.sha1(content).hexdigest()):
                return hashlib.sha1(content).hexdigest(), files
        return None, None

    def names(self):
        """The names of the files whose content was sent."""
        return sorted(self.sent)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self):
        return self.server.hub

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = unquote(self.path.partition("?")[0])
        self.hub.asked.append((self.command, path, self.headers.get("Range")))
        if self.hub.renamed and self.hub.renamed in path:
            place = path.replace(self.hub.renamed, REPOSITORY)
            return self.answer(307, {"Location": place})
        if match := re.fullmatch(rf"/api/models/{REPOSITORY}(?:/revision/(.+))?", path):
            return self.about(match[1] or "main")
        if match := re.fullmatch(rf"/{REPOSITORY}/resolve/((?:refs/pr/)?[^/]+)/(.+)", path):
            return self.file(match[1], match[2])
        if match := re.fullmatch(r"/storage/(\w+)/(.+)", path):
            return self.large(match[1], match[2])
        # What the hub says of a repository that does not exist, or is private.
        return self.error(401, "RepoNotFound")

    def about(self, revision):
        if "api" in self.hub.refuses:
            return self.error(*self.hub.refuses["api"])
        commit, files = self.hub.commit(revision)
        if commit is None:
            return self.error(404, "RevisionNotFound")
        siblings = [{"rfilename": name} for name in files]
        about = {"id": REPOSITORY, "sha": commit, "siblings": siblings}
        body = json.dumps(about).encode()
        return self.answer(200, {"Content-Type": "application/json"}, body)

    def file(self, revision, name):
        if "files" in self.hub.refuses:
            return self.error(*self.hub.refuses["files"])
        commit, files = self.hub.commit(revision)
        if commit is None:
            return self.error(404, "RevisionNotFound")
        if name not in files:
            return self.error(404, "EntryNotFound")
        body = files[name]
        headers = {"X-Repo-Commit": commit, "ETag": f'"{hashlib.sha1(body).hexdigest()}"'}
        if len(body) < LARGE:
            if self.command == "GET":
                self.hub.sent[name] = self.hub.sent.get(name, 0) + len(body)
            return self.answer(200, headers, body)
        place = f"http://localhost:{self.server.server_port}/storage/{commit}/{name}"
        linked = f'"{hashlib.sha256(body).hexdigest()}"'
        return self.answer(
            302,
            headers | {"Location": place, "X-Linked-Etag": linked, "X-Linked-Size": str(len(body))},
        )

    def large(self, commit, name):
        body = self.hub.commit(commit)[1][name]
        whole, first = len(body), 0
        if match := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or ""):
            first = int(match[1])
        headers = {"Content-Length": str(whole - first), "ETag": '"another one"'}
        if first:
            headers["Content-Range"] = f"bytes {first}-{whole - 1}/{whole}"
        end = self.hub.breaks.pop(0) if self.hub.breaks and self.command == "GET" else whole
        if self.command == "GET":
            self.hub.sent[name] = self.hub.sent.get(name, 0) + len(body[first:end])
        if self.hub.holds and self.command == "GET":
            self.hold(headers, body)
        else:
            self.answer(206 if first else 200, headers, body[first:end])
        self.close_connection = end < whole
        if end < whole and self.hub.resets:
            linger = struct.pack("ii", 1, 0)  # to close it then is to reset it
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            socket.close(self.connection.detach())

    def hold(self, headers, body):
        self.answer(200, headers, body[: self.hub.holds])
        self.hub.holding.set()
        self.hub.released.wait(60)
        self.close_connection = True

    def error(self, status, code):
        self.answer(status, {"X-Error-Code": code, "X-Error-Message": code}, b'{"error": "no"}')

    def answer(self, status, headers, body=b""):
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@contextmanager
def serving():
    """A Hub, and the address of its server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.hub = Hub()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.hub, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.hub.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
