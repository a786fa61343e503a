// Package export_capstan_plugin_health judges the health of Queues: healthy when no message waits.
package export_capstan_plugin_health

import (
	"encoding/json"
	"fmt"

	witRuntime "go.bytecodealliance.org/pkg/wit/runtime"
	wit "go.bytecodealliance.org/pkg/wit/types"
	"wit_component/capstan_plugin_health"
	"wit_component/capstan_plugin_types"
)

type answer = wit.Result[capstan_plugin_health.Assessment, capstan_plugin_types.Failure]

// What is looked at; Kubernetes leaves out what is empty.
type input struct {
	Object struct {
		Status struct {
			Accepted bool
			Backlog  uint64
		}
	}
}

// Assess judges one object.
func Assess(claim string, text string) (result answer) {
	defer rescue(&result)
	var given input
	if err := json.Unmarshal([]byte(text), &given); err != nil {
		return wit.Err[capstan_plugin_health.Assessment](capstan_plugin_types.MakeFailureInvalid(err.Error()))
	}
	status := given.Object.Status
	switch {
	case !status.Accepted:
		return assessment(capstan_plugin_health.MakeHealthStatusProgressing(), "Queue/accepted", "not accepted by a broker yet")
	case status.Backlog == 0:
		return assessment(capstan_plugin_health.MakeHealthStatusHealthy(), "Queue/drained", "")
	default:
		message := fmt.Sprintf("%d messages wait", status.Backlog)
		return assessment(capstan_plugin_health.MakeHealthStatusProgressing(), "Queue/backlog", message)
	}
}

func assessment(status capstan_plugin_health.HealthStatus, rule, message string) answer {
	return wit.Ok[capstan_plugin_health.Assessment, capstan_plugin_types.Failure](capstan_plugin_health.Assessment{
		Status:  status,
		Rule:    rule,
		Message: message,
	})
}

// rescue makes an answer of a panic.
func rescue(result *answer) {
	if fault := recover(); fault != nil {
		*result = wit.Err[capstan_plugin_health.Assessment](capstan_plugin_types.MakeFailureFailed(witRuntime.Fault(fault)))
	}
}
