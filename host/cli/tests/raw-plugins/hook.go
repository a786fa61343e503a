// Package export_capstan_plugin_hook is a hook type without an object in the cluster: it pauses for as many seconds as its settings
// say.
package export_capstan_plugin_hook

import (
	"encoding/json"
	"fmt"
	"strconv"

	witRuntime "go.bytecodealliance.org/pkg/wit/runtime"
	wit "go.bytecodealliance.org/pkg/wit/types"
	"wit_component/capstan_plugin_hook"
	"wit_component/capstan_plugin_host"
	"wit_component/capstan_plugin_types"
)

type (
	failure = capstan_plugin_types.Failure
	placed  = wit.Result[capstan_plugin_hook.Placement, failure]
	stepped = wit.Result[capstan_plugin_hook.Step, failure]
)

type input struct {
	Settings struct{ Seconds *uint32 }
	// While planning: where the annotation says that the hook runs.
	Phases []string
	// When it is stopped: why.
	Reason string
}

var phases = map[string]func() capstan_plugin_types.Phase{
	"PreSync":    capstan_plugin_types.MakePhasePreSync,
	"Sync":       capstan_plugin_types.MakePhaseSync,
	"PostSync":   capstan_plugin_types.MakePhasePostSync,
	"SyncFail":   capstan_plugin_types.MakePhaseSyncFail,
	"PreDelete":  capstan_plugin_types.MakePhasePreDelete,
	"PostDelete": capstan_plugin_types.MakePhasePostDelete,
}

// read reads an input; without seconds it is not a use.
func read(text string) (given input, ok bool) {
	err := json.Unmarshal([]byte(text), &given)
	return given, err == nil && given.Settings.Seconds != nil
}

func wrong() failure {
	return capstan_plugin_types.MakeFailureInvalid("the settings need `seconds`, a whole number")
}

// Place says where a manifest goes.
func Place(claim string, text string) (result placed) {
	defer rescue(&result)
	given, ok := read(text)
	if !ok {
		return wit.Err[capstan_plugin_hook.Placement](wrong())
	}
	answer := capstan_plugin_hook.Placed{Object: capstan_plugin_hook.MakeOwnObjectNone()}
	for _, name := range given.Phases {
		answer.Phases = append(answer.Phases, phases[name]())
	}
	return wit.Ok[capstan_plugin_hook.Placement, failure](capstan_plugin_hook.MakePlacementRun(answer))
}

// Start begins a run.
func Start(claim string, text string) (result stepped) {
	defer rescue(&result)
	given, ok := read(text)
	if !ok {
		return wit.Err[capstan_plugin_hook.Step](wrong())
	}
	seconds := *given.Settings.Seconds
	return step(seconds, capstan_plugin_host.NowUnixMs()+uint64(seconds)*1000)
}

// Advance goes on after something happened.
func Advance(claim string, text string, state []uint8) (result stepped) {
	defer rescue(&result)
	given, ok := read(text)
	if !ok {
		return wit.Err[capstan_plugin_hook.Step](wrong())
	}
	until, err := strconv.ParseUint(string(state), 10, 64)
	if err != nil {
		return wit.Err[capstan_plugin_hook.Step](capstan_plugin_types.MakeFailureFailed("the state is not mine"))
	}
	return step(*given.Settings.Seconds, until)
}

// Abort stops a run.
func Abort(claim string, text string, state []uint8) (result stepped) {
	defer rescue(&result)
	given, _ := read(text)
	return wit.Ok[capstan_plugin_hook.Step, failure](capstan_plugin_hook.Step{
		Progress: capstan_plugin_hook.MakeProgressFailed(),
		Message:  given.Reason,
		State:    state,
	})
}

// step is the next step. The host keeps the state, here the moment of the end, and hands it back with the next question.
func step(seconds uint32, until uint64) stepped {
	answer := capstan_plugin_hook.Step{
		Progress: capstan_plugin_hook.MakeProgressSucceeded(),
		Message:  fmt.Sprintf("paused for %d s", seconds),
		State:    []uint8(strconv.FormatUint(until, 10)),
	}
	if now := capstan_plugin_host.NowUnixMs(); now < until {
		answer.Progress = capstan_plugin_hook.MakeProgressRunning()
		answer.Message = fmt.Sprintf("pausing for %d s", seconds)
		answer.WakeAfterMs = wit.Some(uint32(until - now))
	}
	return wit.Ok[capstan_plugin_hook.Step, failure](answer)
}

// rescue makes an answer of a panic.
func rescue[T any](result *wit.Result[T, failure]) {
	if fault := recover(); fault != nil {
		*result = wit.Err[T](capstan_plugin_types.MakeFailureFailed(witRuntime.Fault(fault)))
	}
}
