"""The kind plane: real kubelets and containers for a few machines of the plan, KWOK for the rest.

Rules of this room:

- Which machines are real follows from the plan (`config.real_machines`); they bear the plan's names,
  so that everything above this room treats them like any other machine.
- What says in which zone or under which law a machine stands is set by the control plane after
  the machine has joined, never by the machine itself.
- Nothing of a user's is touched: the kubeconfig lies in our state folder, a cluster of another
  making is refused, and what `down` removes is what `up` made.

    cluster = up(factory, plan, "lab", progress=print)
    status("lab").healthy
    down("lab")
"""
