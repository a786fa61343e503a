// Package capstantest asks a plugin in a go test, without WebAssembly, by the same JSON as the host. It answers in the words of the cases in
// cases/.
//
//	func TestCases(t *testing.T) {
//		capstantest.RunCases(t, "cases", capstantest.Plugin{Health: check{}}, yaml.Unmarshal)
//	}
//
// It is for native tests only, and isn't part of a component.
package capstantest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	capstan "capstan.dev/plugins/sdk-go"
	"capstan.dev/plugins/sdk-go/internal/call"
	"capstan.dev/plugins/sdk-go/internal/host"
)

// start is when a run starts, as in `capstan plugin test`.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Hook is a hook type, whatever its state is. [AsHook] makes one.
type Hook interface{ call.Hook }

// AsHook makes a Hook of a hook type.
func AsHook[State any](plugin capstan.HookType[State]) Hook { return call.NewHook(plugin) }

// SetNow sets what [capstan.Now] returns.
func SetNow(moment time.Time) { host.Now = moment.UnixMilli() }

// TakeLog returns the lines that the plugin has logged, and forgets them.
func TakeLog() []string {
	lines := host.Lines
	host.Lines = nil
	var texts []string
	for _, line := range lines {
		texts = append(texts, line.Text)
	}
	return texts
}

// Assess asks how an object is. The input is an object, or a HealthInput with object and related.
func Assess(plugin capstan.HealthCheck, input map[string]any, claim string) (any, error) {
	if _, isObject := input["kind"]; isObject {
		input = map[string]any{"object": input}
	}
	if object, isMapping := input["object"].(map[string]any); isMapping && claim == "" {
		version, _ := object["apiVersion"].(string)
		kind, _ := object["kind"].(string)
		claim = version[:strings.LastIndex(version, "/")+1] + kind
	}
	text, err := encode(complete(input, nil))
	if err != nil {
		return nil, err
	}
	answer, err := call.Assess(plugin, claim, text)
	if err != nil {
		return plain(failureWords(err))
	}
	return plain(map[string]any{
		"status":           answer.Status,
		"message":          answer.Message,
		"rule":             answer.Rule,
		"final":            answer.Final,
		"recheck-after-ms": milliseconds(answer.RecheckAfter),
		"need":             list(answer.Need),
	})
}

// Place asks where a manifest goes. The input is a PlaceInput; what it lacks is filled in.
func Place(plugin Hook, input map[string]any, claim string) (any, error) {
	text, err := encode(complete(input, map[string]any{
		"object": document(), "words": []string{"PreSync"}, "phases": []string{"PreSync"}, "onVanished": "fail",
	}))
	if err != nil {
		return nil, err
	}
	answer, err := plugin.Place(orTest(claim), text)
	if err != nil {
		return plain(failureWords(err))
	}
	if answer.Skipped != "" {
		return plain(map[string]any{"skip": answer.Skipped})
	}
	object := "none"
	if answer.HasObject {
		object = "planned"
	}
	also := []any{}
	for _, each := range answer.Also {
		also = append(also, parsed(each))
	}
	return plain(map[string]any{"run": map[string]any{"phases": list(answer.Phases), "object": object, "also": also}})
}

// Decide asks what becomes of a hook's object. The input is a PolicyInput; what it lacks is filled in.
func Decide(plugin capstan.DeletePolicy, input map[string]any, claim string) (any, error) {
	text, err := encode(complete(input, map[string]any{
		"policies": []string{}, "hook": map[string]any{"run": "run1", "phase": "PreSync", "wave": 0}, "rank": 0, "runsToCompletion": true,
		"ttl": map[string]any{},
	}))
	if err != nil {
		return nil, err
	}
	answer, err := call.Decide(plugin, orTest(claim), text)
	switch {
	case err != nil:
		return plain(failureWords(err))
	case answer.Kind == "keep":
		return "keep", nil
	case answer.Kind == "delete":
		return plain(map[string]any{"delete": answer.Propagation})
	default:
		return plain(map[string]any{answer.Kind: answer.At.UTC().Format(time.RFC3339Nano)})
	}
}

// A Run is one run of a hook in virtual time, step by step. A step that the host would never make is an error.
type Run struct {
	plugin   Hook
	input    map[string]any
	claim    string
	state    []byte
	requests map[uint32]pending
	wakeAt   *time.Time
	isOver   bool
}

type pending struct {
	kind  string
	value any
}

// NewRun prepares a run that starts at a time. The input is a HookInput; what it lacks is filled in.
func NewRun(plugin Hook, input map[string]any, claim string, now time.Time) *Run {
	SetNow(now)
	filled := complete(input, map[string]any{
		"object":    document(),
		"hook":      map[string]any{"run": "run1", "phase": "PreSync", "wave": 0, "attempt": 1, "onVanished": "fail"},
		"operation": map[string]any{"id": "1-test", "kind": "sync"},
	})
	return &Run{plugin: plugin, input: filled, claim: orTest(claim), requests: map[uint32]pending{}}
}

// Start starts the run.
func (run *Run) Start() (any, error) {
	return run.ask(nil, func(text string) (capstan.Step, []byte, error) { return run.plugin.Start(run.claim, text) }, nil)
}

// See passes an observation after some time: {"kind": "http", "status": 200, "text": ".."}.
func (run *Run) See(observation map[string]any, after time.Duration) (any, error) {
	seen := maps.Clone(observation)
	kind, _ := seen["kind"].(string)
	if err := run.advanceTime(after, kind == "woke"); err != nil {
		return nil, err
	}
	id, isAnswer, err := run.answered(seen, kind)
	if err != nil {
		return nil, err
	}
	var ended *uint32
	if isAnswer {
		seen["answers"] = id
		request := run.requests[id]
		if _, hasObject := seen["object"]; kind == "created" && !hasObject {
			seen["object"] = run.input["object"]
		}
		if _, hasName := seen["name"]; kind == "signal" && !hasName {
			seen["name"] = request.value
		}
		goesOn := slices.Contains([]string{"watch-own", "watch", "follow-logs-own"}, request.kind)
		if !goesOn || kind == "refused" || kind == "failed" {
			ended = &id
		}
	}
	if status, isWord := seen["health"].(string); isWord {
		seen["health"] = map[string]any{"status": status, "message": "", "rule": "", "final": false}
	}
	if kind == "http" {
		text, _ := seen["text"].(string)
		delete(seen, "text")
		if _, hasBody := seen["body"]; !hasBody {
			seen["body"] = base64.StdEncoding.EncodeToString([]byte(text))
		}
	}
	return run.ask(map[string]any{"observation": seen}, func(text string) (capstan.Step, []byte, error) {
		return run.plugin.Advance(run.claim, text, run.state)
	}, ended)
}

// Abort stops the run after some time: terminated, deadline or failed.
func (run *Run) Abort(reason string, after time.Duration) (any, error) {
	if err := run.advanceTime(after, false); err != nil {
		return nil, err
	}
	return run.ask(map[string]any{"reason": reason}, func(text string) (capstan.Step, []byte, error) {
		return run.plugin.Abort(run.claim, text, run.state)
	}, nil)
}

func (run *Run) ask(more map[string]any, ask func(string) (capstan.Step, []byte, error), ended *uint32) (any, error) {
	if run.isOver {
		return nil, errors.New("the hook has its verdict: nothing happens to it any more")
	}
	input := maps.Clone(run.input)
	maps.Copy(input, more)
	text, err := encode(input)
	if err != nil {
		return nil, err
	}
	step, state, err := ask(text)
	if err != nil {
		run.isOver = call.AsFailure(err).Kind != "retry"
		return plain(failureWords(err))
	}
	run.state = state
	run.isOver = step.Progress != "running"
	run.wakeAt = nil
	if step.WakeAfter > 0 {
		at := time.UnixMilli(host.Now).Add(step.WakeAfter)
		run.wakeAt = &at
	}
	if ended != nil {
		delete(run.requests, *ended)
	}
	asks := []any{}
	for _, request := range step.Requests {
		words := requestWords(request)
		run.requests[request.ID] = pending{request.Kind, words}
		asks = append(asks, map[string]any{"id": request.ID, request.Kind: words})
	}
	if !run.isOver && len(run.requests) == 0 && run.wakeAt == nil {
		return nil, errors.New("it is running, and nothing could ever happen to it again: no request is unanswered, and it isn't woken")
	}
	return plain(map[string]any{
		"progress":      step.Progress,
		"message":       step.Message,
		"asks":          asks,
		"wake-after-ms": milliseconds(step.WakeAfter),
		"state":         json.RawMessage(state),
	})
}

func (run *Run) advanceTime(after time.Duration, isWoken bool) error {
	now := time.UnixMilli(host.Now)
	then := now.Add(after)
	switch {
	case isWoken && run.wakeAt == nil:
		return errors.New("it is not woken: its last answer has no WakeAfter")
	case isWoken && after == 0:
		then = *run.wakeAt
	case isWoken && then.Before(*run.wakeAt):
		return fmt.Errorf("it is not woken yet, but %s later", run.wakeAt.Sub(then))
	case !isWoken && run.wakeAt != nil && run.wakeAt.Before(then):
		return fmt.Errorf("its wake-up comes first, after %s", run.wakeAt.Sub(now))
	}
	SetNow(then)
	return nil
}

func (run *Run) answered(seen map[string]any, kind string) (id uint32, isAnswer bool, err error) {
	var underWay []string
	var fitting []uint32
	for _, id := range slices.Sorted(maps.Keys(run.requests)) {
		underWay = append(underWay, fmt.Sprintf("%d (%s)", id, run.requests[id].kind))
		if isAnsweredBy(run.requests[id].kind, kind) {
			fitting = append(fitting, id)
		}
	}
	under := strings.Join(underWay, ", ")
	if under == "" {
		under = "nothing"
	}
	if answers, isSet := seen["answers"]; isSet {
		number, _ := answers.(float64)
		if _, isKnown := run.requests[uint32(number)]; !isKnown {
			return 0, false, fmt.Errorf("`answers` names no pending request; under way: %s", under)
		}
		return uint32(number), true, nil
	}
	switch {
	case len(fitting) > 1:
		return 0, false, fmt.Errorf("write `answers`, the id of the request; under way: %s", under)
	case len(fitting) == 1:
		return fitting[0], true, nil
	case kind == "woke":
		return 0, false, nil
	default:
		return 0, false, fmt.Errorf("no request is answered by `%s`; under way: %s", kind, under)
	}
}

func isAnsweredBy(request, kind string) bool {
	if kind == "refused" || kind == "failed" {
		return true
	}
	kinds := map[string][]string{
		"create-own":      {"created"},
		"watch-own":       {"object", "gone"},
		"watch":           {"object", "gone"},
		"get":             {"object", "gone"},
		"follow-logs-own": {"log"},
		"delete-own":      {"deleted"},
		"delete":          {"deleted"},
		"apply":           {"done"},
		"patch":           {"done"},
		"emit-event":      {"done"},
		"list":            {"objects"},
		"http":            {"http"},
		"wait-signal":     {"signal"},
	}
	return slices.Contains(kinds[request], kind)
}

func document() map[string]any {
	return map[string]any{"apiVersion": "capstan.dev/v1", "kind": "Hook", "metadata": map[string]any{"name": "test"}}
}

// complete adds what the host passes with every call, as `capstan plugin test` does.
func complete(input, usual map[string]any) map[string]any {
	filled := maps.Clone(input)
	if filled == nil {
		filled = map[string]any{}
	}
	common := map[string]any{
		"contract": "0.1.0", "application": map[string]any{"name": "test", "namespace": "test"}, "settings": map[string]any{},
	}
	maps.Copy(common, usual)
	for key, value := range common {
		own, isMapping := filled[key].(map[string]any)
		defaults, hasDefaults := value.(map[string]any)
		switch {
		case isMapping && hasDefaults:
			merged := maps.Clone(defaults)
			maps.Copy(merged, own)
			filled[key] = merged
		case filled[key] == nil:
			filled[key] = value
		}
	}
	return filled
}
