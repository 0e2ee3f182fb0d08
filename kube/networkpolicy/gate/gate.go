// Package gate is a plugin of the container network interface that comes last
// in its chain: it tells the program that enforces NetworkPolicies which
// address a new pod got, and lets the pod start when the rules know of it. A
// pod whose rules cannot be applied does not start.
package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mnist-lab/kube/networkpolicy/claims"
)

// patience is how long a pod waits for its rules before the kubelet is told
// that it cannot start yet; it tries again by itself.
const patience = 30 * time.Second

// configuration is what the runtime writes to the plugin.
type configuration struct {
	CNIVersion string          `json:"cniVersion"`
	Bridge     string          `json:"bridge"`
	Directory  string          `json:"directory"`
	Previous   json.RawMessage `json:"prevResult"`
}

// result is what the plugins before have made.
type result struct {
	Interfaces []struct {
		Name    string `json:"name"`
		MAC     string `json:"mac"`
		Sandbox string `json:"sandbox"`
	} `json:"interfaces"`
	IPs []struct {
		Interface *int   `json:"interface"`
		Address   string `json:"address"`
	} `json:"ips"`
}

// Run does what the runtime asks for by the variables of the environment.
func Run(environment func(string) string, input io.Reader, output io.Writer) error {
	command := environment("CNI_COMMAND")
	if command == "VERSION" {
		_, err := fmt.Fprintln(output,
			`{"cniVersion":"1.0.0","supportedVersions":["0.3.1","0.4.0","1.0.0"]}`)
		return err
	}
	var config configuration
	if err := json.NewDecoder(input).Decode(&config); err != nil {
		return fmt.Errorf("the plugin's configuration cannot be read: %w", err)
	}
	if config.Directory == "" {
		config.Directory = claims.Directory
	}
	container := environment("CNI_CONTAINERID")
	switch command {
	case "ADD":
		return add(config, container, environment("CNI_ARGS"), output)
	case "DEL":
		err := claims.Remove(config.Directory, container)
		claims.Tell(config.Directory, container)
		return err
	case "CHECK":
		return check(config, container)
	}
	return fmt.Errorf("CNI_COMMAND is %q: it knows ADD, DEL, CHECK and VERSION", command)
}

func add(config configuration, container, arguments string, output io.Writer) error {
	claim, err := claimOf(config, container, arguments)
	if err != nil {
		return err
	}
	silence(claim.Interface)
	if err := claims.Write(config.Directory, claim); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := claims.Await(ctx, config.Directory, container); err != nil {
		return fmt.Errorf("the pod %s/%s does not start before its network rules are applied: %w",
			claim.Namespace, claim.Name, err)
	}
	_, err = output.Write(config.Previous)
	return err
}

// silence keeps IPv6 off the machine's end of a pod's link before the kernel
// gives it an address. Pods have IPv4 only; and a browser on this machine gives
// up every load that is under way when an address comes or goes
// (ERR_NETWORK_CHANGED), which each pod's start and end would be. A pod starts
// all the same where that cannot be set, as in a kernel without IPv6.
func silence(link string) {
	path := filepath.Join("/proc/sys/net/ipv6/conf", link, "disable_ipv6")
	_ = os.WriteFile(path, []byte("1"), 0)
}

func check(config configuration, container string) error {
	found, err := claims.List(config.Directory)
	for _, claim := range found {
		if claim.Container == container {
			return nil
		}
	}
	return errors.Join(fmt.Errorf("no address is known of the container %s", container), err)
}

// claimOf finds out which pod got which address at which port of the bridge.
func claimOf(config configuration, container, arguments string) (claims.Claim, error) {
	claim := claims.Claim{Container: container}
	for _, pair := range strings.Split(arguments, ";") {
		name, value, _ := strings.Cut(pair, "=")
		switch name {
		case "K8S_POD_NAMESPACE":
			claim.Namespace = value
		case "K8S_POD_NAME":
			claim.Name = value
		case "K8S_POD_UID":
			claim.UID = value
		}
	}
	var made result
	if len(config.Previous) == 0 {
		return claim, errors.New("the plugin comes after one that makes an interface, and none did")
	}
	if err := json.Unmarshal(config.Previous, &made); err != nil {
		return claim, fmt.Errorf("the result of the plugin before cannot be read: %w", err)
	}
	for _, one := range made.Interfaces {
		if one.Sandbox == "" && one.Name != config.Bridge {
			claim.Interface = one.Name
		}
	}
	for _, ip := range made.IPs {
		prefix, err := netip.ParsePrefix(ip.Address)
		if err != nil {
			return claim, fmt.Errorf("the address %q of the pod cannot be read", ip.Address)
		}
		if !prefix.Addr().Is4() {
			return claim, fmt.Errorf("the pod got the address %s, and pods have IPv4 only", ip.Address)
		}
		claim.Address = prefix.Addr()
		if i := ip.Interface; i != nil && *i >= 0 && *i < len(made.Interfaces) {
			claim.MAC = strings.ToLower(made.Interfaces[*i].MAC)
		}
	}
	return claim, claim.Validate()
}
