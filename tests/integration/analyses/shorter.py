"""Parameters that cut the samples of long analyses short, where it is not about how exact they are."""

from __future__ import annotations

PARAMETERS = {
    "bardensr": {"turns": 2},
    "behavenet-psvae": {"epochs": 2, "annealing_epochs": 1},
    "deepgraphpose": {"iterations": 5, "graph_iterations": 3},
    "deeplabcut": {"epochs": 2},
    "ensemble-dgp": {"iterations": 5, "graph_iterations": 3, "replicas": 2},
    "epi": {"epochs": 2, "steps": 50},
    "lfads": {"epochs": 3},
    "widefield-sweep": {
        "sweep": {"preprocess": {"smoothing": ["none"]}, "demix": {"r2_threshold": [0.9, 0.99]}}
    },
}
