package hook

import (
	"capstan.dev/plugins/sdk-go/internal/call"
	answer "capstan.dev/plugins/sdk-go/internal/hook/export_capstan_plugin_hook"

	// The exports of the component.
	_ "capstan.dev/plugins/sdk-go/internal/hook/wit_exports"
)

func export(plugin call.Hook) { answer.Plugin = plugin }
