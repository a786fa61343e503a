// Package export_capstan_plugin_delete_policy keeps the objects of a hook's last three runs.
package export_capstan_plugin_delete_policy

import (
	"encoding/json"

	witRuntime "go.bytecodealliance.org/pkg/wit/runtime"
	wit "go.bytecodealliance.org/pkg/wit/types"
	"wit_component/capstan_plugin_delete_policy"
	"wit_component/capstan_plugin_types"
)

type answer = wit.Result[capstan_plugin_delete_policy.Disposal, capstan_plugin_types.Failure]

type input struct {
	Occasion string
	// 0 for the newest object of the hook.
	Rank uint32
}

// Decide decides on one object of one hook.
func Decide(claim string, text string) (result answer) {
	defer rescue(&result)
	var given input
	if err := json.Unmarshal([]byte(text), &given); err != nil {
		return wit.Err[capstan_plugin_delete_policy.Disposal](capstan_plugin_types.MakeFailureInvalid(err.Error()))
	}
	disposal := capstan_plugin_delete_policy.MakeDisposalKeep()
	// With the one that is about to be created there are three.
	if given.Occasion == "before-creation" && given.Rank >= 2 {
		disposal = capstan_plugin_delete_policy.MakeDisposalDelete(capstan_plugin_types.PropagationBackground)
	}
	return wit.Ok[capstan_plugin_delete_policy.Disposal, capstan_plugin_types.Failure](disposal)
}

// rescue makes an answer of a panic.
func rescue(result *answer) {
	if fault := recover(); fault != nil {
		*result = wit.Err[capstan_plugin_delete_policy.Disposal](capstan_plugin_types.MakeFailureFailed(witRuntime.Fault(fault)))
	}
}
