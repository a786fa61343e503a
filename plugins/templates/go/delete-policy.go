// A delete policy: keeps the objects of a hook's last three runs.
package main

import (
	capstan "capstan.dev/plugins/sdk-go"
	"capstan.dev/plugins/sdk-go/export/deletepolicy"
)

type keepLast3 struct{}

// Decide decides on one object of one hook.
func (keepLast3) Decide(input capstan.PolicyInput) (capstan.Disposal, error) {
	// With the one that is about to be created there are three.
	if input.Occasion == "before-creation" && input.Rank >= 2 {
		return capstan.DeleteNow(capstan.Background), nil
	}
	return capstan.Keep(), nil
}

func init() { deletepolicy.Export(keepLast3{}) }

func main() {}
