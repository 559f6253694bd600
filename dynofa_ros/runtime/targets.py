"""Who needs what: the targets of all applications, also of those that have not joined yet."""

from __future__ import annotations

from dynofa_ros.runtime.target import Target, TargetRequest

# Requests kept for applications that have not announced a profile; a wrong name must not fill
# the memory.
WAITING_MAX = 64


class TargetBook:
    """Grants requests for targets: one application's, or all applications' (empty name)."""

    def __init__(self, default: Target) -> None:
        self._for_new = default
        self._all_asked = False
        self._targets: dict[str, Target] = {}
        self._asked: set[str] = set()

    def target(self, app: str) -> Target:
        """Return the target of `app`."""
        return self._targets.get(app, self._for_new)

    def join(self, app: str) -> None:
        """Take `app` in: from now on requests for all reach it."""
        self._targets.setdefault(app, self._for_new)

    def request(self, request: TargetRequest) -> None:
        """Grant a request. Raises ValueError if too many applications are waited for."""
        if request.app:
            if request.app not in self._targets and len(self._targets) >= WAITING_MAX:
                raise ValueError(
                    f'deadline for application {request.app!r}: {WAITING_MAX} applications have '
                    'targets already; allowed: no more'
                )
            self._targets[request.app] = request.apply_to(self.target(request.app))
            self._asked.add(request.app)
            return
        self._all_asked = True
        self._for_new = request.apply_to(self._for_new)
        for app, target in self._targets.items():
            self._targets[app] = request.apply_to(target)

    def set_default(self, default: Target) -> None:
        """Change the target of the applications that no request has reached."""
        if self._all_asked:
            return
        self._for_new = default
        for app in self._targets:
            if app not in self._asked:
                self._targets[app] = default
