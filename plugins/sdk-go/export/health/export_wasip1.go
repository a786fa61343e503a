package health

import (
	capstan "capstan.dev/plugins/sdk-go"
	answer "capstan.dev/plugins/sdk-go/internal/health/export_capstan_plugin_health"

	// The exports of the component.
	_ "capstan.dev/plugins/sdk-go/internal/health/wit_exports"
)

func export(plugin capstan.HealthCheck) { answer.Plugin = plugin }
