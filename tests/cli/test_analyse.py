"""`fairlead analyse` as a process: files, a hub of the tests' own, forecasts, comparisons, and what it refuses."""

import json
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.analysis.small_configs import GPT_OSS, LLAMA_8B
from tests.analysis.written_files import safetensors_bytes
from tests.cli.test_main import fairlead

KEYS = (
    "model", "source", "architecture", "parameters", "tensors", "weights", "kv_cache", "compute", "precision", "fits",
    "does_not_fit", "forecast", "comparison", "notes",
)  # fmt: skip


def folder_of(folder: Path, config: Mapping[str, Any], name: str = "gpt-oss-120b") -> Path:
    (folder / name).mkdir()
    (folder / name / "config.json").write_text(json.dumps(config))
    return folder / name


def test_the_json_has_stable_keys_and_whole_numbers(tmp_path: Path) -> None:
    done = fairlead("analyse", str(folder_of(tmp_path, GPT_OSS)), "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert tuple(found) == KEYS
    assert found["parameters"]["total"] == 116_829_156_672
    assert found["parameters"]["active"] == 5_711_982_912
    assert found["kv_cache"]["bytes_per_token"] == 36_864
    assert found["weights"]["native"] == "mxfp4_experts"
    assert {"h100_sxm": 1, "rtx_4090": 4}.items() <= {room["gpu"]: room["count"] for room in found["fits"]}.items()
    assert found["forecast"] is None and found["comparison"] is None


def test_people_get_tables(tmp_path: Path) -> None:
    done = fairlead("analyse", str(folder_of(tmp_path, GPT_OSS)), "--gpu", "h200_sxm", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "116,829,156,672  (116.83 B)" in done.stdout
    assert "Forecast: vllm on 1 x h200_sxm" in done.stdout
    assert "USD per M output" in done.stdout


def test_hosting_is_compared_with_every_price_of_the_same_weights(tmp_path: Path) -> None:
    model = str(folder_of(tmp_path, GPT_OSS))
    done = fairlead("analyse", model, "--gpu", "2xh100_sxm", "--compare", "--plot", "a.svg", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["comparison"]
    assert found["catalogue_model"] == "openai/gpt-oss-120b"
    assert found["own_usd_per_day"] == pytest.approx(2 * 2.95 * 24)
    providers = {one["provider"] for one in found["tariffs"]}
    assert {"groq", "together"} <= providers
    for one in found["tariffs"]:
        assert one["break_even_requests_per_day"] == pytest.approx(found["own_usd_per_day"] / one["usd_per_request"])
        assert one["as_of"] and one["source"]
    assert ET.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")


def test_a_hub_copy_is_known_to_the_catalogue_by_its_files_name(tmp_path: Path) -> None:
    (tmp_path / "openai--gpt-oss-120b_config.json").write_text(json.dumps(GPT_OSS))
    done = fairlead("analyse", "openai--gpt-oss-120b_config.json", "--gpu", "b200_sxm", "--compare", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Against openai/gpt-oss-120b elsewhere" in done.stdout


def test_ones_own_hardware_and_measurement_count(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        '[sources.mine]\ntitle = "our bill"\nas_of = 2026-11-01\n'
        '[[quotes]]\naccelerator = "h100_sxm"\nusd_per_hour = 1.0\nsource = "mine"\n'
    )
    done = fairlead(
        "analyse", str(folder_of(tmp_path, LLAMA_8B, "llama")), "--gpu", "h100_sxm", "--hardware", "own.toml",
        "--precision", "fp8", "--measured-ms", "9.5", "--utilisation", "1", "--json", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["forecast"]
    assert found["usd_per_gpu_hour"] == 1.0
    assert found["recalibrated"] is True
    assert found["time_per_token_s"]["likely"] == pytest.approx(0.0095)


def test_a_header_alone_tells_the_total_and_says_what_stays_unknown(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(safetensors_bytes({"a.weight": ("BF16", (4, 4))}))
    done = fairlead("analyse", "a.safetensors", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["parameters"]["total"] == 16
    assert found["parameters"]["active"] is None and found["kv_cache"] is None
    assert "no config" in found["notes"][0]
    assert fairlead("analyse", "a.safetensors", cwd=tmp_path).returncode == 0


def test_a_header_that_contradicts_its_config_is_noted(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, LLAMA_8B, "llama")
    (folder / "model.safetensors").write_bytes(safetensors_bytes({"a.weight": ("BF16", (4, 4))}))
    found = json.loads(fairlead("analyse", str(folder), "--json", cwd=tmp_path).stdout)
    assert found["parameters"]["total"] == 8_030_261_248
    assert found["tensors"]["weights"] == 16
    assert "come to 16 weights" in found["notes"][0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "no such file or folder"),
        (("MODEL", "--gpu", "of-tomorrow"), "'of-tomorrow' is not known"),
        (("MODEL", "--gpu", "9xh100_sxm", "--engine", "x"), "'x' was not measured"),
        (("MODEL", "--precision", "fp3"), "'fp3' is not known"),
        (("MODEL", "--gpu", "h100_sxm", "--prefix-hit", "2"), "prefix_hit_share"),
        (("MODEL", "--gpu", "gb300", "--compare"), "nobody quotes the rent"),
        (("MODEL", "--gpu", "h100_sxm", "--compare", "--catalogue-model", "nobody/none"), "--catalogue-model"),
        (("MODEL", "--compare"), "--compare needs --gpu"),
        (("MODEL", "--plot", "a.svg"), "--plot goes with --compare"),
        (("MODEL", "--hardware", "none.toml"), "cannot read"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    model = str(folder_of(tmp_path, GPT_OSS))
    done = fairlead("analyse", *(model if word == "MODEL" else word for word in arguments), cwd=tmp_path)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_an_unknown_key_is_refused_until_the_caller_vouches_for_it(tmp_path: Path) -> None:
    model = str(folder_of(tmp_path, {**LLAMA_8B, "twin_heads": 2}, "llama"))
    refused = fairlead("analyse", model, cwd=tmp_path)
    assert refused.returncode == 2 and "'twin_heads'" in refused.stderr
    assert fairlead("analyse", model, "--ignore-key", "twin_heads", cwd=tmp_path).returncode == 0


class Hub(BaseHTTPRequestHandler):
    """As much of a model hub as its client asks of it for one file."""

    files: ClassVar[dict[str, bytes]] = {"/lab/llama/resolve/main/config.json": json.dumps(LLAMA_8B).encode()}

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        body = self.files.get(self.path)
        if body is None:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound" if self.path.startswith("/lab/bare/") else "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("ETag", '"0123456789abcdef0123456789abcdef01234567"')
        self.send_header("X-Repo-Commit", "f" * 40)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests look at answers."""


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def asked_of(hub: str, model: str, folder: Path, **env: str) -> tuple[int, str, str]:
    world = {"HF_ENDPOINT": hub, "HF_HOME": str(folder / "hf"), "NO_PROXY": "127.0.0.1", **env}
    done = fairlead("analyse", model, "--json", cwd=folder, **world)
    return done.returncode, done.stdout, " ".join(done.stderr.split())


def test_a_hub_id_is_asked_of_the_hub(hub: str, tmp_path: Path) -> None:
    code, out, err = asked_of(hub, "lab/llama", tmp_path)
    assert code == 0, err
    assert json.loads(out)["parameters"]["total"] == 8_030_261_248
    assert json.loads(out)["source"] == "hub"


def test_a_model_that_the_hub_does_not_have_is_said_so(hub: str, tmp_path: Path) -> None:
    code, _, err = asked_of(hub, "lab/nothing", tmp_path)
    assert code == 2 and "the hub has no such model" in err
    code, _, err = asked_of(hub, "lab/bare", tmp_path)
    assert code == 2 and "has no config.json" in err


def test_offline_it_says_so(hub: str, tmp_path: Path) -> None:
    gone = "http://127.0.0.1:9"  # the port for what is thrown away: nobody listens
    for env in ({"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": gone}):
        code, _, err = asked_of(hub, "lab/llama", tmp_path, **env)
        assert code == 2
        assert "the hub cannot be reached" in err
        assert "Traceback" not in err and "Retrying" not in err
    assert asked_of(hub, "lab/llama", tmp_path)[0] == 0
    code, _, err = asked_of(hub, "lab/llama", tmp_path, HF_HUB_OFFLINE="1")
    assert code == 0, err  # what was fetched before is there offline too
