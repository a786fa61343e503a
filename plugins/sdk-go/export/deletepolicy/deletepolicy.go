// Package deletepolicy makes the interface `delete-policy` part of a component. Import it in the program's main package only.
package deletepolicy

import capstan "capstan.dev/plugins/sdk-go"

// Export exports a delete policy. Call it in init.
func Export(plugin capstan.DeletePolicy) { export(plugin) }
