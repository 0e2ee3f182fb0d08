package networkpolicy

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// patience is how long one call of nft may take.
const patience = 30 * time.Second

// Enforcer puts rules into the kernel and sees to it that they are there.
type Enforcer struct {
	// Bridge is the interface that the pods share.
	Bridge string
	// applied are the tables as they should be in the kernel.
	applied []table
	digests [][]string
}

// Apply replaces what differs of the node's rules in one transaction, and reads them back.
// Where it fails the former ones hold, and the next call tries again.
func (e *Enforcer) Apply(ctx context.Context, rules Rules) error {
	wanted := rules.tables(e.Bridge)
	digests := make([][]string, len(wanted))
	for i, t := range wanted {
		digests[i] = t.digest()
	}
	// A table that is as it was stays, with what the kernel has counted in it.
	var changed []table
	for i, t := range wanted {
		if !e.begun() || !slices.Equal(digests[i], e.digests[i]) {
			changed = append(changed, t)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	e.forget()
	if _, err := nft(ctx, script(changed...), "-f", "-"); err != nil {
		return err
	}
	e.applied, e.digests = wanted, digests
	if err := e.Check(ctx); err != nil {
		e.forget()
		return err
	}
	return nil
}

// begun tells whether rules were applied and found in the kernel.
func (e *Enforcer) begun() bool { return e.applied != nil }

// forget has the next call apply the rules, whatever they are.
func (e *Enforcer) forget() { e.applied, e.digests = nil, nil }

// Check compares what the kernel has with what was applied, and says the first
// difference.
func (e *Enforcer) Check(ctx context.Context) error {
	if e.applied == nil {
		return fmt.Errorf("no rules were applied yet")
	}
	for i, t := range e.applied {
		text, err := nft(ctx, "", "-j", "list", "table", t.family, TableName)
		if err != nil {
			return err
		}
		found, err := readTable(t.family, text)
		if err != nil {
			return err
		}
		if problem := difference(e.digests[i], found.digest()); problem != "" {
			return fmt.Errorf("the table %s %s is not as it was written: %s", t.family, TableName, problem)
		}
	}
	return bridgeFilters()
}

// difference is the first line that only one of two sorted lists has.
func difference(wanted, found []string) string {
	for i := 0; i < len(wanted) || i < len(found); i++ {
		switch {
		case i == len(found) || i < len(wanted) && wanted[i] < found[i]:
			return fmt.Sprintf("%q is missing", wanted[i])
		case i == len(wanted) || wanted[i] > found[i]:
			return fmt.Sprintf("%q is there and should not be", found[i])
		}
	}
	return ""
}

// bridgeFilters says where packets between pods do not pass the rules, since
// the bridge does not hand them over.
func bridgeFilters() error {
	for _, name := range []string{"bridge-nf-call-iptables", "bridge-nf-call-ip6tables"} {
		text, err := os.ReadFile("/proc/sys/net/bridge/" + name)
		if err != nil {
			return fmt.Errorf("packets between pods pass no rules: the kernel's br_netfilter is not there: %w", err)
		}
		if value := strings.TrimSpace(string(text)); value != "1" {
			return fmt.Errorf("packets between pods pass no rules: "+
				"the machine's net.bridge.%s is %s: set it to 1", name, value)
		}
	}
	return nil
}

func nft(ctx context.Context, input string, arguments ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return run(ctx, input, "nft", arguments...)
}

func run(ctx context.Context, input, program string, arguments ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, program, arguments...)
	command.Stdin = strings.NewReader(input)
	var output, problem bytes.Buffer
	command.Stdout, command.Stderr = &output, &problem
	if err := command.Run(); err != nil {
		lines := strings.Split(strings.TrimSpace(problem.String()), "\n")
		return nil, fmt.Errorf("%s %s: %w: %s", program, strings.Join(arguments, " "), err, lines[0])
	}
	return output.Bytes(), nil
}
