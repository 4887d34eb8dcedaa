"""Compare a live cluster with its description, and probe what must run and what must be refused.

Rules of this room:

- `observe.py` is the only reader for verdicts. It sends one LIST request a kind, never a request an object.
- `compare.py` and the modules it calls are pure: observed and rendered objects in, findings out, in a stable
  order.
- A comparison is strict by default. A live field that is neither rendered nor a default of the API server is
  a change, because what widens a policy is usually something added.
- A refusal counts only if it names one of the stack's policies. A probe that cannot run has the status
  `skipped` and a reason, and never counts as passed.
- Only probes and published reports write. Probes carry the stack's labels and are deleted whatever happens.

    from sovereign_ai.verify.verdict import verify

    verdict = verify(api, factory, plan, bundle, cluster="lab", progress=print)
    for finding in verdict.findings:
        print(finding)
"""
