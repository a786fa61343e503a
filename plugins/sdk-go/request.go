package capstan

import "time"

// A Request is what a hook asks the host to do. Its ID is the plugin's own number; the observation that answers has it.
//
// Most requests need grants in plugin.toml and a grant of the user.
type Request struct {
	ID uint32
	// Kind is the name of the contract.
	Kind string
	// Value is what that kind has.
	Value any
}

// Propagation is what becomes of the objects that a deleted object owns.
type Propagation string

// The propagations.
const (
	Foreground Propagation = "foreground"
	Background Propagation = "background"
	Orphan     Propagation = "orphan"
)

// ObjectRef says which object. Without a namespace: that of the application.
type ObjectRef struct {
	APIVersion, Kind, Namespace, Name string
}

// Selector says which objects. Without a namespace: that of the application.
type Selector struct {
	APIVersion, Kind, Namespace string
	// Labels is a label selector as kubectl writes it; empty for all.
	Labels string
}

// PatchRequest is a patch of an object.
type PatchRequest struct {
	Object ObjectRef
	Merge  any
}

// Deletion is the deletion of an object.
type Deletion struct {
	Object      ObjectRef
	Propagation Propagation
}

// HTTPCall is a call of a URL.
type HTTPCall struct {
	// Method is GET if it is empty.
	Method string
	URL    string
	// Headers in their order.
	Headers []Header
	Body    []byte
	// Timeout is 10 s if it is 0, and at most a minute.
	Timeout time.Duration
}

// Header is a header of a call: a text, or what the host reads from a Secret.
type Header struct {
	Name, Text string
	Secret     *SecretValue
}

// SecretValue is a value that the host reads from a Secret of the application's namespace. The plugin never sees it.
type SecretValue struct {
	// Prefix is put before the value: "Bearer ".
	Prefix    string
	Name, Key string
}

// CreateOwn creates the hook's own object. Creating it twice adopts the first one.
func CreateOwn(id uint32) Request { return Request{ID: id, Kind: "create-own"} }

// WatchOwn watches the hook's own object.
func WatchOwn(id uint32) Request { return Request{ID: id, Kind: "watch-own"} }

// FollowLogsOwn reads the last log lines of the pods of the hook's own object.
func FollowLogsOwn(id uint32) Request { return Request{ID: id, Kind: "follow-logs-own"} }

// DeleteOwn deletes the hook's own object.
func DeleteOwn(id uint32, propagation Propagation) Request {
	return Request{id, "delete-own", propagation}
}

// Apply applies an object, which is encoded as JSON, with server-side apply.
func Apply(id uint32, object any) Request { return Request{id, "apply", object} }

// Get reads an object once.
func Get(id uint32, object ObjectRef) Request { return Request{id, "get", object} }

// List reads all objects that match.
func List(id uint32, selector Selector) Request { return Request{id, "list", selector} }

// Watch watches another object.
func Watch(id uint32, object ObjectRef) Request { return Request{id, "watch", object} }

// Patch changes an object by a JSON merge patch (RFC 7396), which is encoded as JSON: null removes a field.
func Patch(id uint32, object ObjectRef, merge any) Request {
	return Request{id, "patch", PatchRequest{object, merge}}
}

// Delete deletes another object.
func Delete(id uint32, object ObjectRef, propagation Propagation) Request {
	return Request{id, "delete", Deletion{object, propagation}}
}

// HTTP calls a URL. Use a new id for a new call: it is part of the header Idempotency-Key.
func HTTP(id uint32, call HTTPCall) Request { return Request{id, "http", call} }

// WaitSignal waits for a signal. approval is what `capstan approve` sends.
func WaitSignal(id uint32, name string) Request { return Request{id, "wait-signal", name} }

// EmitEvent writes a Kubernetes Event about the hook.
func EmitEvent(id uint32, text string) Request { return Request{id, "emit-event", text} }
