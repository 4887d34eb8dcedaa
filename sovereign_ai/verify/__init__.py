"""What is really there, held against what is wanted, and probes that must succeed or be refused.

Rules of this room:

- `observe.py` is the only reader for verdicts: one LIST a kind, never a request an object.
- `compare.py` and its parts are pure: observed and wanted in, findings out, in a stable order.
- Strict by default: a live field that is neither wanted nor a server's default is a change, for what
  widens a policy is, as a rule, something added.
- A refusal counts only if our own policy is named in it; a probe that could not be made says
  `skipped` with its reason, which never counts as a pass.
- Nothing here writes, apart from probes, which carry our labels and are cleared away whatever happens.

    from sovereign_ai.verify.verdict import verify

    verdict = verify(api, factory, plan, bundle, cluster="lab", progress=print)
    for finding in verdict.findings:
        print(finding)
"""
