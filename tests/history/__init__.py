"""Concurrency, judged: many clients at once, their whole history recorded and checked against a model.

    workload.py   who does what: clients, pods, a killer, an auditor        calls.py   one recorded call
    history.py    what was called and what came back                        guest.py   a writer in a node
    model.py      one volume as it should be                                gate.py    what kubelet never does
    linearize.py  is there an order of the calls that explains all answers?
    writes.py     late, lost and wrongly refused records    ending.py  nothing lost, nothing left
"""
