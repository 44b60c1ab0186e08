"""Reconcile the platform in the cloud with main: templates, plans, applying, observing, watching.

Only `deploy.aws` talks to the cloud; everything else here is pure.
"""
