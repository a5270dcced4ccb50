"""Meta's Graph API inside Django, with a phone page: for development, never for customers.

Add ``whatsapp_notify.simulator`` to ``INSTALLED_APPS``, include ``whatsapp_notify.simulator.urls``
at ``/simulator/``, point the shop's Graph address at ``/simulator/graph`` and run
``manage.py simulator_courier``: the shop then talks to customers whom you play yourself.
"""
