//go:build !wasip1

package health

import capstan "capstan.dev/plugins/sdk-go"

// Outside of a component nobody calls it.
func export(capstan.HealthCheck) {}
