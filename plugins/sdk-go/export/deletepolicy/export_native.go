//go:build !wasip1

package deletepolicy

import capstan "capstan.dev/plugins/sdk-go"

// Outside of a component nobody calls it.
func export(capstan.DeletePolicy) {}
