"""nginx of Debian's package as a reverse proxy in front of a registry, as operators put one there."""

import socket

from programs import Daemon, find_program

CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    log_format requests '$request_method $request_uri $status $upstream_status';
    access_log {folder}/access.log requests;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 0;
    upstream registry {{ server {upstream}; keepalive 8; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass {scheme}://registry;
            proxy_http_version 1.1;
            proxy_request_buffering off;
            proxy_buffering off;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
    }}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class NginxProxy:
    """Passes requests on as they come, over kept connections, which all its clients share."""

    def __init__(self, folder, upstream, scheme="http"):
        folder.mkdir(parents=True)
        self.folder, self.host, self.port = folder, "127.0.0.1", free_port()
        configuration = folder / "nginx.conf"
        configuration.write_text(CONFIGURATION.format(
            folder=folder, upstream=upstream, port=self.port, scheme=scheme))
        self.daemon = Daemon([find_program("nginx"), "-p", folder, "-c", configuration,
                              "-e", folder / "error.log"], folder, "nginx")
        self.daemon.wait_until(self._listens, "nginx to listen")

    def _listens(self):
        try:
            socket.create_connection((self.host, self.port), 1).close()
            return True
        except OSError:
            return False

    def requests(self):
        """What it took for requests: a list of method and target."""
        lines = (self.folder / "access.log").read_text(errors="replace").splitlines()
        return [tuple(line.split(" ")[:2]) for line in lines]

    def stop(self):
        self.daemon.terminate()
