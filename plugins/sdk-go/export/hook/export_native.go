//go:build !wasip1

package hook

import "capstan.dev/plugins/sdk-go/internal/call"

// Outside of a component nobody calls it.
func export(call.Hook) {}
