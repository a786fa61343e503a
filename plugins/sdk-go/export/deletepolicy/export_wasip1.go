package deletepolicy

import (
	capstan "capstan.dev/plugins/sdk-go"
	answer "capstan.dev/plugins/sdk-go/internal/deletepolicy/export_capstan_plugin_delete_policy"

	// The exports of the component.
	_ "capstan.dev/plugins/sdk-go/internal/deletepolicy/wit_exports"
)

func export(plugin capstan.DeletePolicy) { answer.Plugin = plugin }
