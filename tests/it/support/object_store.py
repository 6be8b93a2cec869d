"""An object store of the S3 or the Google protocol, kept by moto, for tests.

    object_store.py s3|google|careless CONTROL

Prints the port that it listens on, and ends when its standard input does. The bucket is `warehouse`.

Google's XML interface is S3's with other names for the conditions: `x-goog-if-generation-match` is
answered here, by generations counted here; listing, ranges and multipart uploads are moto's.
`careless` is an S3 that ignores conditions, as some stores that call themselves compatible do.

Requests are answered one at a time, so that a condition and its put are one step, as in the stores
that this stands for. Once the file CONTROL holds `PID SIGKILL PATTERN` or such, the next put of an object
whose path contains PATTERN is carried out, and the process gets the signal before its answer.
"""

import itertools
import os
import signal
import sys
import threading

from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import WSGIRequestHandler, make_server

IF_GENERATION = "HTTP_X_GOOG_IF_GENERATION_MATCH"
SIGNED = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=none"
REFUSED = [b"<Error><Code>PreconditionFailed</Code></Error>"]


class Store:
    def __init__(self, dialect, control):
        self.dialect = dialect
        self.control = control
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.turn = threading.Lock()
        self.generations = {}
        self.next_generation = itertools.count(1)

    def __call__(self, environ, start_response):
        with self.turn:
            answer = self.answer(environ, start_response)
            # A pool of connections is not what is tested here.
            body = b"".join(answer)
            if environ["REQUEST_METHOD"] == "PUT":
                self.carry_out_order(environ["PATH_INFO"])
            return [body]

    def answer(self, environ, start_response):
        if self.dialect == "careless":
            environ.pop("HTTP_IF_MATCH", None)
            environ.pop("HTTP_IF_NONE_MATCH", None)
        if self.dialect != "google":
            return self.moto(environ, start_response)
        path, query = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        wanted = environ.pop(IF_GENERATION, None)
        if wanted is not None and int(wanted) != self.generations.get(path, 0):
            start_response("412 Precondition Failed", [("Content-Type", "application/xml")])
            return REFUSED
        # Moto keeps its objects from whoever has not signed at all.
        environ["HTTP_AUTHORIZATION"] = SIGNED
        if "HTTP_X_GOOG_COPY_SOURCE" in environ:
            environ["HTTP_X_AMZ_COPY_SOURCE"] = environ.pop("HTTP_X_GOOG_COPY_SOURCE")
        is_new = (environ["REQUEST_METHOD"] == "PUT" and "partNumber" not in query) or (
            environ["REQUEST_METHOD"] == "POST" and "uploadId" in query
        )

        def start(status, headers, exc_info=None):
            if is_new and status.startswith("200"):
                self.generations[path] = next(self.next_generation)
            if path in self.generations:
                headers = [*headers, ("x-goog-generation", str(self.generations[path]))]
            return start_response(status, headers, exc_info)

        return self.moto(environ, start)

    def carry_out_order(self, path):
        try:
            with open(self.control) as file:
                pid, name, pattern = file.read().split()
        except (FileNotFoundError, ValueError):
            return
        if pattern in path:
            os.remove(self.control)
            os.kill(int(pid), signal.Signals[name])


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_args):
        pass


def main():
    dialect, control = sys.argv[1:]
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].create_bucket("warehouse", "us-east-1")
    server = make_server(
        "127.0.0.1", 0, Store(dialect, control), threaded=True, request_handler=Quiet
    )
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


main()
