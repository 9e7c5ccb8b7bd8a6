"""A program of its own: llama.cpp's HTTP server with one model, until its standard input closes.

usage: python llama_server.py MODEL.gguf NAME PORT
"""

import importlib
import sys


def main(model: str, name: str, port: int) -> None:
    """Say the address on a line of its own, then serve as long as whoever started this one lives."""
    llama = importlib.import_module("xllamacpp")  # only `make test-inference` installs it
    params = llama.CommonParams()
    params.model.path = model
    params.model_alias = {name}
    params.port = port
    params.n_parallel = 1  # one slot: whoever comes next waits until it is free
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.n_threads_http = 8
    params.cache_ram_mib = 0
    params.embedding = True
    params.pooling_type = llama.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    params.endpoint_metrics = True
    params.fit_params = params.ui = params.warmup = False
    params.offline = True
    server = llama.Server(params)
    print("listening at", server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
