package capstan

import (
	"bytes"
	"encoding/json"
	"time"
)

// Application is what an object or a hook belongs to.
type Application struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

// Input is what every call passes.
type Input struct {
	// Claim is the claim of plugin.toml that led here.
	Claim string `json:"-"`
	// Settings are the user's settings.
	Settings    Object      `json:"settings"`
	Application Application `json:"application"`
	// Compat is argocd if the user wants the answers that Argo CD would give.
	Compat string `json:"compat"`
}

// HealthInput is what is known of one object.
type HealthInput struct {
	Input
	// Object is what the claim's `fields` show of it.
	Object Object `json:"object"`
	// Related is what was found in the second call, after a need. It is nil in the first one.
	Related map[string]Related `json:"related"`
}

// OnVanished says what the user wants if a hook's object vanishes before its verdict: fail, rerun or succeed.
type OnVanished string

// PlaceInput is a manifest that is planned.
type PlaceInput struct {
	Input
	Object Object `json:"object"`
	// Words are the values of the hook annotation, in order.
	Words []string `json:"words"`
	// Phases are those values that are phases.
	Phases     []string   `json:"phases"`
	OnVanished OnVanished `json:"onVanished"`
}

// HookRun is one run of a hook.
type HookRun struct {
	// Run identifies this run; it stays the same after a crash.
	Run        string     `json:"run"`
	Phase      string     `json:"phase"`
	Wave       int64      `json:"wave"`
	Attempt    uint32     `json:"attempt"`
	OnVanished OnVanished `json:"onVanished"`
}

// Operation is what a hook is part of.
type Operation struct {
	ID string `json:"id"`
	// Kind is sync or delete.
	Kind string `json:"kind"`
}

// Cause is what went wrong before a SyncFail hook.
type Cause struct {
	// Class is hook, health, apply or timeout.
	Class   string   `json:"class"`
	Message string   `json:"message"`
	Objects []string `json:"objects"`
}

// HookInput is a running hook.
type HookInput struct {
	Input
	Hook      HookRun   `json:"hook"`
	Operation Operation `json:"operation"`
	// Object is the planned manifest.
	Object Object `json:"object"`
	// Cause is set in SyncFail.
	Cause *Cause `json:"cause"`
	// Reason is set when the run is stopped: terminated, deadline or failed.
	Reason string `json:"reason"`
}

// PolicyInput is one object of a hook.
type PolicyInput struct {
	Input
	// Occasion is before-creation, hook-finished, operation-finished, asked-again or application-deleted.
	Occasion string `json:"occasion"`
	// Policies are those that the user wrote.
	Policies []string `json:"policies"`
	Object   Object   `json:"object"`
	Hook     HookRun  `json:"hook"`
	// Outcome is the hook's verdict: succeeded or failed.
	Outcome          string `json:"outcome"`
	OperationOutcome string `json:"operationOutcome"`
	// FinishedAtMS is when the hook's object finished, in milliseconds since 1970; 0 if it hasn't.
	FinishedAtMS int64 `json:"finishedAt"`
	// Rank is 0 for the newest object of this hook.
	Rank int `json:"rank"`
	// RunsToCompletion says whether objects of this kind end by themselves.
	RunsToCompletion bool `json:"runsToCompletion"`
	TTL              TTL  `json:"ttl"`
}

// FinishedAt returns when the hook's object finished, and whether it has.
func (input PolicyInput) FinishedAt() (time.Time, bool) {
	return time.UnixMilli(input.FinishedAtMS).UTC(), input.FinishedAtMS != 0
}

// TTL is how long a finished hook's object lives, in seconds; nil if the user doesn't say.
type TTL struct {
	AfterFinished *uint64 `json:"afterFinished"`
	Failed        *uint64 `json:"failed"`
}

// Object is JSON: an object of Kubernetes, or the user's settings.
type Object []byte

// UnmarshalJSON keeps the text.
func (object *Object) UnmarshalJSON(text []byte) error {
	*object = append((*object)[:0], text...)
	return nil
}

// MarshalJSON writes the text.
func (object Object) MarshalJSON() ([]byte, error) {
	if len(object) == 0 {
		return []byte("null"), nil
	}
	return object, nil
}

// Read decodes it into a value of the plugin's own type. Kubernetes omits empty values, which leaves the fields zero.
func (object Object) Read(value any) error {
	if len(object) == 0 {
		return nil
	}
	if err := json.Unmarshal(object, value); err != nil {
		return Invalid("failed to read the object: " + err.Error())
	}
	return nil
}

// ReadSettings decodes the user's settings.
func (input Input) ReadSettings(value any) error {
	if len(input.Settings) == 0 {
		return nil
	}
	if err := json.Unmarshal(input.Settings, value); err != nil {
		return Invalid("failed to read the settings: " + err.Error())
	}
	return nil
}

// decode decodes without losing digits.
func (object Object) decode() any {
	decoder := json.NewDecoder(bytes.NewReader(object))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return nil
	}
	return value
}
