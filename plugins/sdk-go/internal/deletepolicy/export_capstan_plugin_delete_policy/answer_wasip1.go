// Package export_capstan_plugin_delete_policy answers what the generated exports ask. The bindings give it its name.
package export_capstan_plugin_delete_policy

import (
	"fmt"

	capstan "capstan.dev/plugins/sdk-go"
	"capstan.dev/plugins/sdk-go/internal/call"
	policy "capstan.dev/plugins/sdk-go/internal/deletepolicy/capstan_plugin_delete_policy"
	types "capstan.dev/plugins/sdk-go/internal/deletepolicy/capstan_plugin_types"
	"capstan.dev/plugins/sdk-go/internal/wit/runtime"
	wit "capstan.dev/plugins/sdk-go/internal/wit/types"
)

// Plugin is what the program exports.
var Plugin capstan.DeletePolicy

type result = wit.Result[policy.Disposal, types.Failure]

var propagations = map[capstan.Propagation]types.Propagation{
	capstan.Foreground: types.PropagationForeground,
	capstan.Background: types.PropagationBackground,
	capstan.Orphan:     types.PropagationOrphan,
}

// Decide decides on one object of one hook.
func Decide(claim string, text string) (answered result) {
	defer func() {
		if fault := recover(); fault != nil {
			answered = wit.Err[policy.Disposal](types.MakeFailureFailed(runtime.Fault(fault)))
		}
	}()
	answer, err := call.Decide(Plugin, claim, text)
	if err == nil {
		var raw policy.Disposal
		if raw, err = disposal(answer); err == nil {
			return wit.Ok[policy.Disposal, types.Failure](raw)
		}
	}
	return wit.Err[policy.Disposal](failure(err))
}

func disposal(answer capstan.Disposal) (policy.Disposal, error) {
	switch answer.Kind {
	case "keep":
		return policy.MakeDisposalKeep(), nil
	case "delete":
		propagation, isKnown := propagations[answer.Propagation]
		if !isKnown {
			return policy.Disposal{}, fmt.Errorf("`%s` is not a propagation", answer.Propagation)
		}
		return policy.MakeDisposalDelete(propagation), nil
	case "delete-at":
		return policy.MakeDisposalDeleteAt(uint64(max(0, answer.At.UnixMilli()))), nil
	case "ask-again-at":
		return policy.MakeDisposalAskAgainAt(uint64(max(0, answer.At.UnixMilli()))), nil
	default:
		return policy.Disposal{}, fmt.Errorf("`%s` is not an answer of a policy", answer.Kind)
	}
}

func failure(err error) types.Failure {
	switch found := call.AsFailure(err); found.Kind {
	case "invalid":
		return types.MakeFailureInvalid(found.Message)
	case "retry":
		after := uint32(found.After.Milliseconds())
		return types.MakeFailureRetry(wit.Tuple2[string, uint32]{F0: found.Message, F1: after})
	default:
		return types.MakeFailureFailed(found.Message)
	}
}
