"""The price list service of AWS on this machine: it answers GetProducts as the API reference says.

moto has no Pricing. This takes the signed requests of boto3, filters rows by all attributes as
`TERM_MATCH` does, and gives pages of a few rows with a `NextToken`.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_PAGE = 2


class PriceServer:
    """Answers from `rows`; a `failure` (status, code) is what every request gets instead."""

    def __init__(self):
        self.rows = []
        self.failure = None
        self.requests = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = outer.answer(dict(self.headers), body)
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, headers, body):
        self.requests.append(body)
        assert headers["X-Amz-Target"] == "AWSPriceListService.GetProducts"
        assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 ")
        assert "/us-east-1/pricing/" in headers["Authorization"]
        if self.failure:
            status, code = self.failure
            return status, {"__type": code, "message": "as the test asks"}
        assert {one["Type"] for one in body["Filters"]} == {"TERM_MATCH"}
        wanted = {one["Field"]: one["Value"] for one in body["Filters"]}
        found = [
            row if isinstance(row, str) else json.dumps(row)
            for row in self.rows
            if isinstance(row, str) or _matches(row, body["ServiceCode"], wanted)
        ]
        start = int(body.get("NextToken") or 0)
        answer = {"FormatVersion": "aws_v1", "PriceList": found[start : start + _PAGE]}
        if start + _PAGE < len(found):
            answer["NextToken"] = str(start + _PAGE)
        return 200, answer

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _matches(row, service, wanted):
    attributes = row["product"]["attributes"]
    sold = attributes.get("servicecode", "AmazonEC2")
    return sold == service and all(attributes.get(k) == v for k, v in wanted.items())
