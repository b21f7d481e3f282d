"""Health check of the containers: exit with 0 if the service is ready."""

import socket
import sys
from os import environ

ANSWER_SECONDS = 4.0

with socket.create_connection(("127.0.0.1", int(environ["HTTP_PORT"])), ANSWER_SECONDS) as service:
    service.sendall(b"GET /health/ready HTTP/1.0\r\n\r\n")
    answer = service.recv(64)
sys.exit(b" 200 " not in answer)
