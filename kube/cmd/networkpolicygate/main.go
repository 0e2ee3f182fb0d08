// Command networkpolicygate is the plugin of the container network interface
// that lets a pod start when the rules of its NetworkPolicies are applied.
package main

import (
	"encoding/json"
	"os"

	"mnist-lab/kube/networkpolicy/gate"
)

func main() {
	if err := gate.Run(os.Getenv, os.Stdin, os.Stdout); err != nil {
		// The form that the runtime reads: 11 is "try again later".
		_ = json.NewEncoder(os.Stdout).Encode(map[string]any{
			"cniVersion": "0.4.0", "code": 11, "msg": err.Error()})
		os.Exit(1)
	}
}
