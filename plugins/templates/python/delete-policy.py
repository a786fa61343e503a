"""A delete policy: keeps the objects of a hook's last three runs."""

from capstan_sdk import Disposal, PolicyInput, delete_now, export_delete_policy, keep


class KeepLast3:
    def decide(self, input: PolicyInput, /) -> Disposal:
        # With the one that is about to be created there are three.
        is_old = input.occasion == "before-creation" and input.rank >= 2
        return delete_now() if is_old else keep()


# The name that componentize-py looks for.
DeletePolicy = export_delete_policy(KeepLast3())
