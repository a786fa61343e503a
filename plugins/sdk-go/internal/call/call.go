// Package call asks a plugin as the contract does, in JSON text and bytes: it reads the input, asks, and writes the state. The components
// and capstantest both go through it, so that a native test sees what the host would.
package call

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	capstan "capstan.dev/plugins/sdk-go"
)

// Assess asks how an object is.
func Assess(plugin capstan.HealthCheck, claim, text string) (capstan.Assessment, error) {
	var input capstan.HealthInput
	if err := read(text, &input); err != nil {
		return capstan.Assessment{}, err
	}
	input.Claim = claim
	answer, err := plugin.Assess(input)
	if err == nil && answer.Status == "" {
		err = errors.New("the answer of Assess has no status")
	}
	return answer, err
}

// Decide asks what becomes of a hook's object.
func Decide(plugin capstan.DeletePolicy, claim, text string) (capstan.Disposal, error) {
	var input capstan.PolicyInput
	if err := read(text, &input); err != nil {
		return capstan.Disposal{}, err
	}
	input.Claim = claim
	answer, err := plugin.Decide(input)
	if err == nil && answer.Kind == "" {
		err = errors.New("the answer of Decide is empty: Keep keeps")
	}
	return answer, err
}

// Hook is a hook type, whatever its state is.
type Hook interface {
	Place(claim, text string) (capstan.Placement, error)
	Start(claim, text string) (capstan.Step, []byte, error)
	Advance(claim, text string, state []byte) (capstan.Step, []byte, error)
	Abort(claim, text string, state []byte) (capstan.Step, []byte, error)
}

// NewHook wraps a hook type.
func NewHook[State any](plugin capstan.HookType[State]) Hook { return hook[State]{plugin} }

type hook[State any] struct{ plugin capstan.HookType[State] }

func (hook hook[State]) Place(claim, text string) (capstan.Placement, error) {
	var input capstan.PlaceInput
	if err := read(text, &input); err != nil {
		return capstan.Placement{}, err
	}
	input.Claim = claim
	return hook.plugin.Place(input)
}

func (hook hook[State]) Start(claim, text string) (capstan.Step, []byte, error) {
	return hook.step(claim, text, nil, hook.plugin.Start)
}

func (hook hook[State]) Advance(claim, text string, packed []byte) (capstan.Step, []byte, error) {
	return hook.step(claim, text, packed, func(input capstan.HookInput, state *State) (capstan.Step, error) {
		var observed struct{ Observation json.RawMessage }
		if err := read(text, &observed); err != nil {
			return capstan.Step{}, err
		}
		seen, err := capstan.ReadObservation(observed.Observation)
		if err != nil {
			return capstan.Step{}, fmt.Errorf("failed to read the observation: %w", err)
		}
		return hook.plugin.Advance(input, seen, state)
	})
}

func (hook hook[State]) Abort(claim, text string, packed []byte) (capstan.Step, []byte, error) {
	return hook.step(claim, text, packed, hook.plugin.Abort)
}

func (hook hook[State]) step(claim, text string, packed []byte, ask func(capstan.HookInput, *State) (capstan.Step, error)) (capstan.Step, []byte, error) {
	var input capstan.HookInput
	if err := read(text, &input); err != nil {
		return capstan.Step{}, nil, err
	}
	input.Claim = claim
	var state State
	if len(packed) > 0 {
		if err := json.Unmarshal(packed, &state); err != nil {
			return capstan.Step{}, nil, fmt.Errorf("failed to read the stored state: %w", err)
		}
	}
	step, err := ask(input, &state)
	if err != nil {
		return capstan.Step{}, nil, err
	}
	if step.Progress == "" {
		return capstan.Step{}, nil, errors.New("the answer of the hook has no progress: Running, Succeeded and Failed make one")
	}
	packed, err = json.Marshal(state)
	return step, packed, err
}

func read(text string, into any) error {
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("failed to read the host's input: %w", err)
	}
	return nil
}

// JSON writes a value; a text is JSON already.
func JSON(value any) (string, error) {
	switch value := value.(type) {
	case string:
		return value, nil
	case []byte:
		return string(value), nil
	default:
		text, err := json.Marshal(value)
		return string(text), err
	}
}

// The timeouts of a call of a URL.
const (
	defaultTimeout = 10 * time.Second
	maxTimeout     = time.Minute
)

// TimeoutMs returns the timeout of a call.
func TimeoutMs(call capstan.HTTPCall) uint32 {
	timeout := call.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	return uint32(min(timeout, maxTimeout) / time.Millisecond)
}

// Method returns the method of a call.
func Method(call capstan.HTTPCall) string {
	if call.Method == "" {
		return "GET"
	}
	return call.Method
}

// AsFailure returns why there is no answer.
func AsFailure(err error) *capstan.Failure {
	var failure *capstan.Failure
	if errors.As(err, &failure) {
		return failure
	}
	return &capstan.Failure{Kind: "failed", Message: err.Error()}
}
