// Package export_capstan_plugin_hook answers what the generated exports ask. The bindings give it its name.
package export_capstan_plugin_hook

import (
	"fmt"

	capstan "capstan.dev/plugins/sdk-go"
	"capstan.dev/plugins/sdk-go/internal/call"
	hook "capstan.dev/plugins/sdk-go/internal/hook/capstan_plugin_hook"
	types "capstan.dev/plugins/sdk-go/internal/hook/capstan_plugin_types"
	"capstan.dev/plugins/sdk-go/internal/wit/runtime"
	wit "capstan.dev/plugins/sdk-go/internal/wit/types"
)

// Plugin is what the program exports.
var Plugin call.Hook

type (
	placed  = wit.Result[hook.Placement, types.Failure]
	stepped = wit.Result[hook.Step, types.Failure]
)

// The words of the annotation.
var phases = map[string]func() types.Phase{
	"PreSync":    types.MakePhasePreSync,
	"Sync":       types.MakePhaseSync,
	"PostSync":   types.MakePhasePostSync,
	"SyncFail":   types.MakePhaseSyncFail,
	"PreDelete":  types.MakePhasePreDelete,
	"PostDelete": types.MakePhasePostDelete,
}

var progresses = map[string]func() hook.Progress{
	"running":   hook.MakeProgressRunning,
	"succeeded": hook.MakeProgressSucceeded,
	"failed":    hook.MakeProgressFailed,
}

var propagations = map[capstan.Propagation]types.Propagation{
	capstan.Foreground: types.PropagationForeground,
	capstan.Background: types.PropagationBackground,
	capstan.Orphan:     types.PropagationOrphan,
}

// Place says where a manifest goes.
func Place(claim string, text string) (answered placed) {
	defer rescue(&answered)
	answer, err := Plugin.Place(claim, text)
	if err == nil {
		var raw hook.Placement
		if raw, err = placement(answer); err == nil {
			return wit.Ok[hook.Placement, types.Failure](raw)
		}
	}
	return wit.Err[hook.Placement](failure(err))
}

// Start begins a run.
func Start(claim string, text string) (answered stepped) {
	defer rescue(&answered)
	return step(Plugin.Start(claim, text))
}

// Advance goes on after something happened.
func Advance(claim string, text string, state []uint8) (answered stepped) {
	defer rescue(&answered)
	return step(Plugin.Advance(claim, text, state))
}

// Abort stops a run.
func Abort(claim string, text string, state []uint8) (answered stepped) {
	defer rescue(&answered)
	return step(Plugin.Abort(claim, text, state))
}

func placement(answer capstan.Placement) (hook.Placement, error) {
	if answer.Skipped != "" {
		return hook.MakePlacementSkip(answer.Skipped), nil
	}
	raw := hook.Placed{Object: hook.MakeOwnObjectNone()}
	if answer.HasObject {
		raw.Object = hook.MakeOwnObjectPlanned()
	}
	for _, name := range answer.Phases {
		if phase, isKnown := phases[name]; isKnown {
			raw.Phases = append(raw.Phases, phase())
		} else {
			raw.Phases = append(raw.Phases, types.MakePhaseOther(name))
		}
	}
	for _, each := range answer.Also {
		text, err := call.JSON(each)
		if err != nil {
			return hook.Placement{}, err
		}
		raw.Also = append(raw.Also, text)
	}
	var err error
	raw.Details, err = details(answer.Details)
	return hook.MakePlacementRun(raw), err
}

func step(answer capstan.Step, state []byte, err error) stepped {
	if err == nil {
		var raw hook.Step
		if raw, err = rawStep(answer, state); err == nil {
			return wit.Ok[hook.Step, types.Failure](raw)
		}
	}
	return wit.Err[hook.Step](failure(err))
}

func rawStep(answer capstan.Step, state []byte) (hook.Step, error) {
	progress, isKnown := progresses[answer.Progress]
	if !isKnown {
		return hook.Step{}, fmt.Errorf("`%s` is not a progress", answer.Progress)
	}
	raw := hook.Step{Progress: progress(), Message: answer.Message, State: state}
	for _, each := range answer.Requests {
		what, err := request(each)
		if err != nil {
			return hook.Step{}, fmt.Errorf("request %d (%s): %w", each.ID, each.Kind, err)
		}
		raw.Asks = append(raw.Asks, hook.Ask{Id: each.ID, What: what})
	}
	if answer.WakeAfter > 0 {
		raw.WakeAfterMs = wit.Some(uint32(min(answer.WakeAfter.Milliseconds(), 1<<32-1)))
	}
	var err error
	raw.Details, err = details(answer.Details)
	return raw, err
}

func request(request capstan.Request) (hook.Request, error) {
	switch value := request.Value.(type) {
	case nil:
		switch request.Kind {
		case "create-own":
			return hook.MakeRequestCreateOwn(), nil
		case "watch-own":
			return hook.MakeRequestWatchOwn(), nil
		case "follow-logs-own":
			return hook.MakeRequestFollowLogsOwn(), nil
		}
	case capstan.Propagation:
		propagation, err := propagation(value)
		return hook.MakeRequestDeleteOwn(propagation), err
	case capstan.ObjectRef:
		if request.Kind == "get" {
			return hook.MakeRequestGet(ref(value)), nil
		}
		return hook.MakeRequestWatch(ref(value)), nil
	case capstan.Selector:
		return hook.MakeRequestList(hook.Selector{
			ApiVersion: value.APIVersion, Kind: value.Kind, Namespace: optional(value.Namespace), Labels: value.Labels,
		}), nil
	case capstan.PatchRequest:
		merge, err := call.JSON(value.Merge)
		return hook.MakeRequestPatch(hook.Patch{Object: ref(value.Object), Merge: merge}), err
	case capstan.Deletion:
		propagation, err := propagation(value.Propagation)
		return hook.MakeRequestDelete(hook.Deletion{Object: ref(value.Object), Propagation: propagation}), err
	case capstan.HTTPCall:
		return httpRequest(value)
	}
	switch request.Kind {
	case "apply":
		object, err := call.JSON(request.Value)
		return hook.MakeRequestApply(object), err
	case "wait-signal":
		return hook.MakeRequestWaitSignal(fmt.Sprint(request.Value)), nil
	case "emit-event":
		return hook.MakeRequestEmitEvent(fmt.Sprint(request.Value)), nil
	default:
		return hook.Request{}, fmt.Errorf("it is not a request of the contract")
	}
}

func httpRequest(value capstan.HTTPCall) (hook.Request, error) {
	raw := hook.HttpRequest{Method: call.Method(value), Url: value.URL, TimeoutMs: call.TimeoutMs(value)}
	for _, header := range value.Headers {
		raw.Headers = append(raw.Headers, wit.Tuple2[string, hook.HeaderValue]{F0: header.Name, F1: headerValue(header)})
	}
	if value.Body != nil {
		raw.Body = wit.Some(value.Body)
	}
	return hook.MakeRequestHttp(raw), nil
}

func headerValue(header capstan.Header) hook.HeaderValue {
	secret := header.Secret
	switch {
	case secret == nil:
		return hook.MakeHeaderValueText(header.Text)
	case secret.Prefix == "":
		return hook.MakeHeaderValueSecret(wit.Tuple2[string, string]{F0: secret.Name, F1: secret.Key})
	default:
		// Texts can always be written as JSON.
		fields, _ := call.JSON(map[string]string{"prefix": secret.Prefix, "name": secret.Name, "key": secret.Key})
		return hook.MakeHeaderValueOther(wit.Tuple2[string, string]{F0: "prefixed-secret", F1: fields})
	}
}

func ref(ref capstan.ObjectRef) types.ObjectRef {
	return types.ObjectRef{ApiVersion: ref.APIVersion, Kind: ref.Kind, Namespace: optional(ref.Namespace), Name: ref.Name}
}

func propagation(name capstan.Propagation) (types.Propagation, error) {
	propagation, isKnown := propagations[name]
	if !isKnown {
		return 0, fmt.Errorf("`%s` is not a propagation", name)
	}
	return propagation, nil
}

func optional(text string) wit.Option[string] {
	if text == "" {
		return wit.None[string]()
	}
	return wit.Some(text)
}

func details(value any) (wit.Option[string], error) {
	if value == nil {
		return wit.None[string](), nil
	}
	text, err := call.JSON(value)
	return wit.Some(text), err
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

// rescue makes an answer of a panic.
func rescue[T any](answered *wit.Result[T, types.Failure]) {
	if fault := recover(); fault != nil {
		*answered = wit.Err[T](types.MakeFailureFailed(runtime.Fault(fault)))
	}
}
