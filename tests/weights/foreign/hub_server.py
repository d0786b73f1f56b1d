"""A small server that speaks the Hugging Face hub's protocol, for one repository `org/name`.

It gives files, and takes them: a repository is made, large files are sent, one commit names all.

Large files come from another host, as they do there: "localhost" where the hub is 127.0.0.1.
"""

import base64
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
    refuses may also name what takes files: "create", "upload" and "commit". token: the one that may
    write. exists, private: the repository and who may read it. uploaded: large files by their
    sha256; they are in no commit yet. cuts: so many uploads are cut off. commits: what was sent.
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
        self.token = "hf_right"
        self.exists, self.private = True, False
        self.uploaded, self.cuts, self.commits = {}, 0, []

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
            if not self.hub.exists or (self.hub.private and not self.may_write()):
                return self.error(401, "RepoNotFound")
            return self.about(match[1] or "main")
        if match := re.fullmatch(rf"/{REPOSITORY}/resolve/((?:refs/pr/)?[^/]+)/(.+)", path):
            return self.file(match[1], match[2])
        if match := re.fullmatch(r"/storage/(\w+)/(.+)", path):
            return self.large(match[1], match[2])
        # What the hub says of a repository that does not exist, or is private.
        return self.error(401, "RepoNotFound")

    def do_POST(self):
        path = unquote(self.path.partition("?")[0])
        self.hub.asked.append((self.command, path, None))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if path == "/api/validate-yaml":
            front = json.loads(body)["content"].startswith("---\n")
            return self.json(200 if front else 400, {"errors": [], "warnings": []})
        if not self.may_write():
            return self.error(401, "")
        if path == "/api/repos/create":
            return self.create(json.loads(body))
        if not self.hub.exists:
            return self.error(404, "RepoNotFound")
        if path == f"/api/models/{REPOSITORY}/preupload/main":
            files = json.loads(body)["files"]
            modes = [{"path": file["path"], "shouldIgnore": False,
                      "uploadMode": "regular" if file["size"] < LARGE else "lfs"}
                     for file in files]  # fmt: skip
            return self.json(200, {"files": modes})
        if path == f"/{REPOSITORY}.git/info/lfs/objects/batch":
            return self.batch(json.loads(body)["objects"])
        if path == f"/api/models/{REPOSITORY}/commit/main":
            return self.take_commit([json.loads(line) for line in body.splitlines()])
        return self.error(404, "")

    def do_PUT(self):
        oid = self.path.rpartition("/")[2]
        size = int(self.headers["Content-Length"])
        if self.hub.cuts:
            self.hub.cuts -= 1
            self.rfile.read(size // 2)
            self.close_connection = True
            return None
        body = self.rfile.read(size)
        if "upload" in self.hub.refuses:
            return self.error(*self.hub.refuses["upload"])
        assert hashlib.sha256(body).hexdigest() == oid
        self.hub.uploaded[oid] = body
        return self.answer(200, {})

    def may_write(self):
        return self.headers.get("Authorization") == f"Bearer {self.hub.token}"

    def create(self, about):
        if "create" in self.hub.refuses:
            return self.error(*self.hub.refuses["create"])
        assert f"{about['organization']}/{about['name']}" == REPOSITORY
        # Older versions of the library say "private", newer ones "visibility".
        self.hub.exists = True
        self.hub.private = bool(about.get("private", about.get("visibility") == "private"))
        return self.json(200, {"url": f"http://{self.headers['Host']}/{REPOSITORY}"})

    def batch(self, objects):
        address = f"http://{self.headers['Host']}/upload"
        wanted = [
            one | {"actions": {"upload": {"href": f"{address}/{one['oid']}"}}}
            if one["oid"] not in self.hub.uploaded
            else one
            for one in objects
        ]
        return self.json(200, {"transfer": "basic", "objects": wanted})

    def take_commit(self, lines):
        if "commit" in self.hub.refuses:
            return self.error(*self.hub.refuses["commit"])
        files = dict(self.hub.files["main"])
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.hub.uploaded[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        self.hub.files["main"] = files
        self.hub.commits.append(lines)
        commit, _ = self.hub.commit("main")
        address = f"http://{self.headers['Host']}/{REPOSITORY}/commit/{commit}"
        return self.json(200, {"commitUrl": address, "commitOid": commit})

    def json(self, status, content):
        body = json.dumps(content).encode()
        self.answer(status, {"Content-Type": "application/json"}, body)

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
        if self.command != "HEAD":
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
