"""What an attacker would try on a machine where a plane runs and a deployment is under way.

    make attack

Each attack has a control beside it: the same thing done by whoever may, which must work. So a test that fails
to reach anything at all does not pass. `python -m tests.attack.mutation` takes each defence out and shows
that an attack then succeeds; its table is kept in `mutation.yaml`.

The attacker of the local boundary is another account of the same machine (`intruder.py`), which becomes
`nobody` by setpriv(1). So these tests need root.
"""
