// Package hook makes the interface `hook` part of a component. Import it in the program's main package only.
package hook

import (
	capstan "capstan.dev/plugins/sdk-go"
	"capstan.dev/plugins/sdk-go/internal/call"
)

// Export exports a hook type. Call it in init.
func Export[State any](plugin capstan.HookType[State]) { export(call.NewHook(plugin)) }
