"""A Jupyter server of the tests: JupyterLab 4 and Notebook 7 on one port, on folders of its own."""

import json
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from tests.servers.processes import HOST, Server, free_port
from tests.servers.require import require_modules

TOKEN: Final = "keyscope-tests"  # noqa: S105 - of a server on a loopback port of its own
KERNEL: Final = "python3"
_EXTENSIONS: Final = {"jupyter_lsp": False, "jupyter_server_terminals": False, "jupyterlab": True, "notebook": True}

Settings = Mapping[str, Mapping[str, object]]
"""Settings of JupyterLab and Notebook by plugin id."""

_SETTINGS: Final[Settings] = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/apputils-extension:themes": {"adaptive-theme": False},
}


class JupyterServer(Server):
    """A Jupyter server without terminals and language servers, with the kernel of this environment.

    Notebooks are the files below `notebooks`. Kernels are started and ended by requests, not by the page, so that they
    start while a page loads.
    """

    def __init__(self) -> None:
        super().__init__("jupyter")
        self.notebooks = self._folder("notebooks")
        self._settings = self._folder("settings")
        config = self._folder("config")
        self.variables = {
            "JUPYTER_CONFIG_DIR": str(config),
            "JUPYTER_DATA_DIR": str(self._folder("data")),
            "JUPYTER_RUNTIME_DIR": str(self._folder("runtime")),
            "JUPYTERLAB_SETTINGS_DIR": str(self._settings),
            "JUPYTERLAB_WORKSPACES_DIR": str(self._folder("workspaces")),
            "IPYTHONDIR": str(self._folder("ipython")),
            "HOME": str(self._folder("home")),
            "XDG_CONFIG_HOME": str(self._folder("home/.config")),
        }
        extensions = {"ServerApp": {"jpserver_extensions": _EXTENSIONS}}
        (config / "jupyter_server_config.json").write_text(json.dumps(extensions), encoding="utf-8")
        self._background = ThreadPoolExecutor(1, thread_name_prefix="jupyter-kernels")
        self._prepared: Future[str] | None = None

    def _folder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(parents=True)
        return folder

    def choose_ports(self) -> None:
        self.port = free_port()

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        """The URL that pages are below."""
        return f"http://{self.address}"

    def line(self) -> tuple[str, ...]:
        require_modules("jupyterlab", "notebook", "ipykernel", "anywidget")
        return (
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            f"--ServerApp.ip={HOST}",
            f"--ServerApp.port={self.port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={self.notebooks}",
            f"--IdentityProvider.token={TOKEN}",
            "--LabApp.expose_app_in_browser=True",
            "--JupyterNotebookApp.expose_app_in_browser=True",
            "--LabApp.extension_manager=readonly",
        )

    def start(self, within: float = 90.0) -> None:
        """Start and wait until the server answers, which takes some seconds of processor time."""
        super().start(within)

    def answers(self) -> bool:
        try:
            self.request("GET", "/api/status", within=2)
        except OSError:
            return False
        return True

    def is_leader(self) -> bool:
        return True

    def request(self, method: str, path: str, content: object = None, *, within: float = 30) -> Any:
        """Send a request to the REST API and return the JSON of the answer, if there is any."""
        request = urllib.request.Request(  # noqa: S310 - the scheme is fixed
            self.url + path,
            method=method,
            headers={"Authorization": f"token {TOKEN}", "Content-Type": "application/json"},
            data=None if content is None else json.dumps(content).encode(),
        )
        with urllib.request.urlopen(request, timeout=within) as answer:  # noqa: S310 - the same
            return json.loads(answer.read() or b"null")

    def start_kernel(self, notebook: str) -> None:
        """Start the kernel of a notebook file, which a page that opens the file uses, and begin to start the next."""
        prepared, self._prepared = self._prepared, None
        kernel = {"name": KERNEL} if prepared is None else {"id": prepared.result()}
        session = {"path": notebook, "name": notebook, "type": "notebook", "kernel": kernel}
        self.request("POST", "/api/sessions", session)
        self._prepared = self._background.submit(self._new_kernel)

    def _new_kernel(self) -> str:
        return str(self.request("POST", "/api/kernels", {"name": KERNEL})["id"])

    def end_kernels(self, notebook: str) -> None:
        """End every kernel of a notebook file, in the background; `stop` waits for it."""
        self._background.submit(self._end_kernels, notebook)

    def _end_kernels(self, notebook: str) -> None:
        for session in self.request("GET", "/api/sessions"):
            if session["path"] == notebook:
                try:
                    self.request("DELETE", f"/api/sessions/{session['id']}")
                except urllib.error.HTTPError:  # its kernel has ended by itself
                    continue

    def write_settings(self, settings: Settings) -> None:
        """Replace all settings, those of an earlier page too, by these and the few that every test wants."""
        shutil.rmtree(self._settings, ignore_errors=True)
        for plugin, values in {**_SETTINGS, **settings}.items():
            package, _, name = plugin.rpartition(":")
            file = self._settings / package / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps({**_SETTINGS.get(plugin, {}), **values}), encoding="utf-8")

    def close(self) -> None:
        """End the server as an operator does, so that its kernels end too, and remove its folder."""
        self._background.shutdown()
        self.stop()
        super().close()
