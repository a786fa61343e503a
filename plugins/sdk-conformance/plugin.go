// Answers with everything that the SDK offers; cases.yaml says what.
package main

import (
	"fmt"
	"strings"
	"time"

	capstan "capstan.dev/plugins/sdk-go"
	"capstan.dev/plugins/sdk-go/export/deletepolicy"
	"capstan.dev/plugins/sdk-go/export/health"
	"capstan.dev/plugins/sdk-go/export/hook"
)

func init() {
	health.Export(check{})
	hook.Export(probe{})
	deletepolicy.Export(policy{})
}

func main() {}

type check struct{}

func (check) Assess(input capstan.HealthInput) (capstan.Assessment, error) {
	capstan.Log(capstan.Info, "claim %s", input.Claim)
	if !input.Object.IsObserved() {
		return capstan.Progressing("Probe/generation", "its status is about an older spec").Recheck(1500 * time.Millisecond), nil
	}
	if input.Object.IsConditionTrue("Ready") {
		return capstan.Healthy("Probe/ready"), nil
	}
	if ready, isThere := input.Object.Condition("Ready"); isThere {
		text, _ := input.Object.At("/spec/paths/a~1b/~0c/1")
		return capstan.Degraded("Probe/ready", fmt.Sprintf("%s: %s", ready.Message, text)).Finally(), nil
	}
	if !input.IsSecondCall() {
		return capstan.Progressing("Probe/new", "no condition yet").Needing("owned-pods", "events"), nil
	}
	if explanation := input.Explanation(); explanation != "" {
		return capstan.Progressing("Probe/new", explanation), nil
	}
	return capstan.Progressing("Probe/new", "no condition yet"), nil
}

type settings struct{ Do string }

type state struct {
	Seen     []string          `json:"seen"`
	Attempts capstan.Attempts  `json:"attempts"`
	Own      capstan.OwnObject `json:"own"`
}

type probe struct{ capstan.HookDefaults[state] }

func (probe) Place(input capstan.PlaceInput) (capstan.Placement, error) {
	var settings settings
	if err := input.ReadSettings(&settings); err != nil {
		return capstan.Placement{}, err
	}
	switch settings.Do {
	case "place":
		placement := capstan.RunWithoutObject(input)
		placement.Also = []any{map[string]string{"kind": "Pod"}}
		return placement, nil
	case "skip":
		return capstan.Skip("not today"), nil
	default:
		return capstan.Placement{}, capstan.Invalid("the settings need `do`")
	}
}

var api = capstan.ObjectRef{APIVersion: "apps/v1", Kind: "Deployment", Name: "api"}

func requests() []capstan.Request {
	inShop := api
	inShop.Namespace = "shop"
	return []capstan.Request{
		capstan.CreateOwn(1),
		capstan.WatchOwn(2),
		capstan.FollowLogsOwn(3),
		capstan.DeleteOwn(4, capstan.Foreground),
		capstan.Apply(5, map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "é"}}),
		capstan.Get(6, inShop),
		capstan.List(7, capstan.Selector{APIVersion: "v1", Kind: "Pod", Labels: "app=api"}),
		capstan.Watch(8, api),
		capstan.Patch(9, api, map[string]any{"spec": map[string]any{"replicas": 2, "paused": nil}}),
		capstan.Delete(10, capstan.ObjectRef{APIVersion: "v1", Kind: "ConfigMap", Name: "old"}, capstan.Background),
		capstan.HTTP(11, capstan.HTTPCall{
			Method: "POST",
			URL:    "https://api.example.com/é",
			Headers: []capstan.Header{
				{Name: "accept", Text: "application/json"},
				{Name: "authorization", Secret: &capstan.SecretValue{Prefix: "Bearer ", Name: "token", Key: "bearer"}},
				{Name: "x-key", Secret: &capstan.SecretValue{Name: "token", Key: "key"}},
			},
			Body:    []byte(`{"text":"é😀"}`),
			Timeout: 5 * time.Second,
		}),
		capstan.WaitSignal(12, "migrated"),
		capstan.EmitEvent(13, "all at once"),
	}
}

func call(state *state) capstan.Step {
	return capstan.Running("calling", capstan.HTTP(state.Attempts.Number(), capstan.HTTPCall{URL: "https://api.example.com"}))
}

func (probe) Start(input capstan.HookInput, state *state) (capstan.Step, error) {
	var settings settings
	if err := input.ReadSettings(&settings); err != nil {
		return capstan.Step{}, err
	}
	switch settings.Do {
	case "requests":
		return capstan.Running("13 requests: é😀", requests()...).Wake(time.Minute), nil
	case "retry":
		return call(state), nil
	case "own":
		return state.Own.Begin("creating it"), nil
	case "later":
		return capstan.Step{}, capstan.RetryLater("no quota", 2500*time.Millisecond)
	default:
		return capstan.Step{}, fmt.Errorf("unknown: %s", settings.Do)
	}
}

func (probe) Advance(input capstan.HookInput, seen capstan.Observation, state *state) (capstan.Step, error) {
	var settings settings
	if err := input.ReadSettings(&settings); err != nil {
		return capstan.Step{}, err
	}
	switch settings.Do {
	case "own":
		return state.Own.Follow(input, seen), nil
	case "retry":
		return retried(seen, state), nil
	default:
		return told(seen, state)
	}
}

func retried(seen capstan.Observation, state *state) capstan.Step {
	retry := capstan.Retry{Limit: 3, Wait: 2 * time.Second, Factor: 2}
	switch seen := seen.(type) {
	case capstan.HTTPResponse:
		if seen.Status == 200 {
			return capstan.Succeeded("200 at " + capstan.Now().Format("2006-01-02T15:04:05"))
		}
		return state.Attempts.RetryOrFail(fmt.Sprintf("status %d", seen.Status), retry)
	case capstan.RequestFailed:
		return state.Attempts.RetryOrFail(seen.Reason, retry)
	default:
		return call(state)
	}
}

func told(seen capstan.Observation, state *state) (capstan.Step, error) {
	state.Seen = append(state.Seen, seen.Kind())
	text := ""
	switch seen := seen.(type) {
	case capstan.HTTPResponse:
		text = fmt.Sprintf("%d %s %s", seen.Status, seen.Body, seen.Headers["retry-after"])
	case capstan.Signal:
		var value struct{ OK bool }
		if err := seen.Value.Read(&value); err != nil {
			return capstan.Step{}, err
		}
		text = fmt.Sprintf("%s %s %t", seen.Name, seen.By, value.OK)
	case capstan.ObjectChanged:
		text = fmt.Sprintf("%s %s", name(seen.Object), seen.Health.Status)
	case capstan.ObjectList:
		var names []string
		for _, object := range seen.Objects {
			names = append(names, name(object))
		}
		text = strings.Join(names, " ")
	case capstan.LogLines:
		text = seen.Lines[0].Text
	case capstan.Refused:
		text = seen.Reason
	case capstan.RequestFailed:
		text = fmt.Sprintf("%s %t", seen.Reason, seen.IsTemporary)
	case capstan.Woke:
		return capstan.Succeeded("seen " + strings.Join(state.Seen, " ")), nil
	case capstan.Gone, capstan.Done:
		return capstan.Running(fmt.Sprintf("%s %d", seen.Kind(), seen.Answers())).Wake(time.Minute), nil
	default:
		return capstan.Failed("unknown: " + seen.Kind()), nil
	}
	return capstan.Running(fmt.Sprintf("%s %d: %s", seen.Kind(), seen.Answers(), text)).Wake(time.Minute), nil
}

func name(object capstan.Object) string {
	name, _ := object.At("/metadata/name")
	return fmt.Sprint(name)
}

type policy struct{}

func (policy) Decide(input capstan.PolicyInput) (capstan.Disposal, error) {
	var settings settings
	if err := input.ReadSettings(&settings); err != nil {
		return capstan.Disposal{}, err
	}
	switch settings.Do {
	case "delete":
		return capstan.DeleteNow(capstan.Orphan), nil
	case "delete-at":
		finished, _ := input.FinishedAt()
		return capstan.DeleteAt(finished.Add(time.Hour)), nil
	case "ask-again-at":
		return capstan.AskAgainAt(capstan.Now().Add(30 * time.Second)), nil
	default:
		return capstan.Keep(), nil
	}
}
