package capstan

import "time"

// A HookType is a step function: the host says what happened, and the answer says how far the hook is and what the host does.
//
// The host stores the state as JSON after each call, at most 64 KiB. A new run begins with the zero value. After a crash an observation may
// come again with an older state. Embed [HookDefaults] for the usual Place and Abort.
type HookType[State any] interface {
	// Place says where a manifest runs.
	Place(input PlaceInput) (Placement, error)
	// Start starts a run. It may be called again for the same run after a crash.
	Start(input HookInput, state *State) (Step, error)
	// Advance continues after an observation.
	Advance(input HookInput, seen Observation, state *State) (Step, error)
	// Abort stops a run.
	Abort(input HookInput, state *State) (Step, error)
}

// HookDefaults has the usual Place and Abort.
type HookDefaults[State any] struct{}

// Place runs the manifest as an object of the cluster, in the phases that the user wrote.
func (HookDefaults[State]) Place(input PlaceInput) (Placement, error) { return Run(input), nil }

// Abort fails the hook.
func (HookDefaults[State]) Abort(input HookInput, _ *State) (Step, error) { return Aborted(input), nil }

// A Step is how far a hook is, and what the host does next.
type Step struct {
	// Progress is running, succeeded or failed.
	Progress string
	// Message is one sentence without the hook's name.
	Message string
	// Requests is what the host does, in this order. At most 64.
	Requests []Request
	// WakeAfter asks to be called again after so long (100 ms or more), unless something else happens first.
	WakeAfter time.Duration
	// Details is JSON for tools.
	Details any
}

// Running says that the hook goes on; the message says what it waits for.
func Running(message string, requests ...Request) Step {
	return Step{Progress: "running", Message: message, Requests: requests}
}

// Succeeded says that the hook has succeeded. The host performs the requests first.
func Succeeded(message string, requests ...Request) Step {
	return Step{Progress: "succeeded", Message: message, Requests: requests}
}

// Failed says that the hook has failed, for this reason. The host performs the requests first.
func Failed(reason string, requests ...Request) Step {
	return Step{Progress: "failed", Message: reason, Requests: requests}
}

// Aborted says that the hook has failed because it was told to stop.
func Aborted(input HookInput, requests ...Request) Step {
	reasons := map[string]string{
		"terminated": "terminated",
		"deadline":   "stopped: its time is over",
		"failed":     "stopped: something else has failed",
	}
	reason, isKnown := reasons[input.Reason]
	if !isKnown {
		reason = "stopped"
	}
	return Failed(reason, requests...)
}

// Wake asks to be called again after so long.
func (step Step) Wake(after time.Duration) Step {
	step.WakeAfter = after
	return step
}

// Placement is what the plan does with a manifest: it runs it in Phases, or leaves it alone because of Skipped.
type Placement struct {
	Phases []string
	// HasObject says whether the manifest is an object of the cluster.
	HasObject bool
	// Also lists other objects that the hook may touch, for the plan's JSON.
	Also    []any
	Skipped string
	Details any
}

// Run runs the manifest, an object of the cluster, in the phases that the user wrote.
func Run(input PlaceInput) Placement { return Placement{Phases: input.Phases, HasObject: true} }

// RunWithoutObject runs a manifest that is only settings (kind: Hook), in the phases that the user wrote.
func RunWithoutObject(input PlaceInput) Placement { return Placement{Phases: input.Phases} }

// Skip leaves the manifest alone: it is not applied and not pruned, and shown with this reason.
func Skip(reason string) Placement { return Placement{Skipped: reason} }
