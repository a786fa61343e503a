// A gate: waits until a URL answers, marks a Deployment, and waits until that is healthy and until a signal arrives. Without the settings
// url and signal it waits for neither. When it ends, however it ends, the Deployment isn't marked any more.
package main

import (
	"fmt"

	capstan "capstan.dev/plugins/sdk-go"
	"capstan.dev/plugins/sdk-go/export/hook"
)

const annotation = "{{name}}.capstan.dev/gate"

// Each call of the URL has a number of its own: that of the attempt.
const (
	markID   = 101
	watchID  = 102
	signalID = 103
	unmarkID = 104
)

type settings struct{ Deployment, URL, Signal string }

type state struct {
	Calls    capstan.Attempts `json:"calls"`
	IsMarked bool             `json:"isMarked"`
}

var threeTimes = capstan.Retry{Limit: 3}

type gate struct{}

// Place says where a manifest runs.
func (gate) Place(input capstan.PlaceInput) (capstan.Placement, error) {
	_, err := read(input.Input)
	return capstan.RunWithoutObject(input), err
}

// Start starts a run.
func (gate) Start(input capstan.HookInput, state *state) (capstan.Step, error) {
	settings, err := read(input.Input)
	if err != nil {
		return capstan.Step{}, err
	}
	if settings.URL != "" {
		return settings.call(state), nil
	}
	return settings.mark(state), nil
}

// Advance continues after an observation.
func (gate) Advance(input capstan.HookInput, seen capstan.Observation, state *state) (capstan.Step, error) {
	settings, err := read(input.Input)
	if err != nil {
		return capstan.Step{}, err
	}
	switch seen := seen.(type) {
	case capstan.HTTPResponse:
		if seen.Status >= 200 && seen.Status < 300 {
			return settings.mark(state), nil
		}
		return state.Calls.RetryOrFail(fmt.Sprintf("%s answers %d", settings.URL, seen.Status), threeTimes), nil
	case capstan.Woke:
		return settings.call(state), nil
	case capstan.ObjectChanged:
		return settings.judge(seen.Health, state), nil
	case capstan.Signal:
		var value struct{ Verdict string }
		if err := seen.Value.Read(&value); err == nil && value.Verdict == "rejected" {
			return settings.end(capstan.Failed("rejected by "+seen.By), state), nil
		}
		return settings.end(capstan.Succeeded("opened by "+seen.By), state), nil
	case capstan.Gone:
		return capstan.Failed("there is no Deployment/" + settings.Deployment), nil
	case capstan.RequestFailed:
		if seen.IsTemporary && !state.IsMarked {
			return state.Calls.RetryOrFail(seen.Reason, threeTimes), nil
		}
		return settings.end(capstan.Failed(seen.Reason), state), nil
	case capstan.Refused:
		return settings.end(capstan.Failed(seen.Reason), state), nil
	default:
		return capstan.Running("waiting for Deployment/" + settings.Deployment), nil
	}
}

// Abort stops a run.
func (gate) Abort(input capstan.HookInput, state *state) (capstan.Step, error) {
	settings, err := read(input.Input)
	return settings.end(capstan.Aborted(input), state), err
}

func read(input capstan.Input) (settings settings, err error) {
	err = input.ReadSettings(&settings)
	if err == nil && settings.Deployment == "" {
		err = capstan.Invalid("the settings need `deployment`, a name")
	}
	return settings, err
}

func (settings settings) deployment() capstan.ObjectRef {
	return capstan.ObjectRef{APIVersion: "apps/v1", Kind: "Deployment", Name: settings.Deployment}
}

// patch sets the annotation; nil removes it.
func (settings settings) patch(id uint32, value any) capstan.Request {
	annotations := map[string]any{annotation: value}
	return capstan.Patch(id, settings.deployment(), map[string]any{"metadata": map[string]any{"annotations": annotations}})
}

func (settings settings) call(state *state) capstan.Step {
	return capstan.Running("calling "+settings.URL, capstan.HTTP(state.Calls.Number(), capstan.HTTPCall{URL: settings.URL}))
}

func (settings settings) mark(state *state) capstan.Step {
	state.IsMarked = true
	message := "waiting for Deployment/" + settings.Deployment
	return capstan.Running(message, settings.patch(markID, "closed"), capstan.Watch(watchID, settings.deployment()))
}

func (settings settings) judge(health capstan.ObjectHealth, state *state) capstan.Step {
	switch {
	case health.Status == capstan.StatusDegraded:
		return settings.end(capstan.Failed(health.Message), state)
	case health.Status != capstan.StatusHealthy && health.Message != "":
		return capstan.Running(health.Message)
	case health.Status != capstan.StatusHealthy:
		return capstan.Running("not healthy yet")
	case settings.Signal == "":
		return settings.end(capstan.Succeeded("the gate is open"), state)
	default:
		return capstan.Running("waiting for the signal "+settings.Signal, capstan.WaitSignal(signalID, settings.Signal))
	}
}

// end ends the hook. The host performs the requests of a verdict before it takes effect.
func (settings settings) end(verdict capstan.Step, state *state) capstan.Step {
	if state.IsMarked {
		verdict.Requests = append(verdict.Requests, settings.patch(unmarkID, nil))
	}
	return verdict
}

func init() { hook.Export(gate{}) }

func main() {}
