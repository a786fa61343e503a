"""A delete policy: keeps the objects of a hook's last three runs."""

import json

from wit_world import exports
from wit_world.exports import delete_policy
from wit_world.imports import types


class DeletePolicy(exports.DeletePolicy):
    def decide(self, claim: str, input: str) -> delete_policy.Disposal:
        given = json.loads(input)
        # With the one that is about to be created there are three.
        if given["occasion"] == "before-creation" and given["rank"] >= 2:
            return delete_policy.Disposal_Delete(types.Propagation.BACKGROUND)
        return delete_policy.Disposal_Keep()
