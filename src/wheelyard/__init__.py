"""Wheelyard: an offline wheelhouse builder and mirror.

One room (package) a stage of the flow: ``config`` and ``targets`` give the plan, ``resolve`` and ``lock`` pin it,
``select`` chooses files, ``upstream`` and ``fetch`` bring them into the ``store``, ``build``, ``repair`` and ``check``
make wheels, ``prove`` installs them, ``index`` writes the wheelhouse, ``bundle`` packs and imports it, and ``host`` is
what runs on the offline side. ``doors`` holds the only code with side effects: subprocesses, files and HTTP.
"""

__version__ = "0.1.0"
