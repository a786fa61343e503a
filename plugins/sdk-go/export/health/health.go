// Package health makes the interface `health` part of a component. Import it in the program's main package only.
package health

import capstan "capstan.dev/plugins/sdk-go"

// Export exports a health check. Call it in init.
func Export(plugin capstan.HealthCheck) { export(plugin) }
