// Package export_capstan_plugin_health answers what the generated exports ask. The bindings give it its name.
package export_capstan_plugin_health

import (
	"fmt"

	capstan "capstan.dev/plugins/sdk-go"
	"capstan.dev/plugins/sdk-go/internal/call"
	health "capstan.dev/plugins/sdk-go/internal/health/capstan_plugin_health"
	types "capstan.dev/plugins/sdk-go/internal/health/capstan_plugin_types"
	"capstan.dev/plugins/sdk-go/internal/wit/runtime"
	wit "capstan.dev/plugins/sdk-go/internal/wit/types"
)

// Plugin is what the program exports.
var Plugin capstan.HealthCheck

type result = wit.Result[health.Assessment, types.Failure]

var statuses = map[capstan.HealthStatus]func() health.HealthStatus{
	capstan.StatusHealthy:     health.MakeHealthStatusHealthy,
	capstan.StatusProgressing: health.MakeHealthStatusProgressing,
	capstan.StatusDegraded:    health.MakeHealthStatusDegraded,
	capstan.StatusSuspended:   health.MakeHealthStatusSuspended,
	capstan.StatusMissing:     health.MakeHealthStatusMissing,
	capstan.StatusUnknown:     health.MakeHealthStatusUnknown,
}

// Assess assesses one object.
func Assess(claim string, text string) (answered result) {
	defer func() {
		if fault := recover(); fault != nil {
			answered = wit.Err[health.Assessment](types.MakeFailureFailed(runtime.Fault(fault)))
		}
	}()
	answer, err := call.Assess(Plugin, claim, text)
	if err == nil {
		var raw health.Assessment
		if raw, err = assessment(answer); err == nil {
			return wit.Ok[health.Assessment, types.Failure](raw)
		}
	}
	return wit.Err[health.Assessment](failure(err))
}

func assessment(answer capstan.Assessment) (health.Assessment, error) {
	status, isKnown := statuses[answer.Status]
	if !isKnown {
		return health.Assessment{}, fmt.Errorf("`%s` is not a status", answer.Status)
	}
	raw := health.Assessment{Status: status(), Message: answer.Message, Rule: answer.Rule, Final: answer.Final, Need: answer.Need}
	if answer.RecheckAfter > 0 {
		raw.RecheckAfterMs = wit.Some(uint64(answer.RecheckAfter.Milliseconds()))
	}
	if answer.Details != nil {
		details, err := call.JSON(answer.Details)
		if err != nil {
			return health.Assessment{}, err
		}
		raw.Details = wit.Some(details)
	}
	return raw, nil
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
