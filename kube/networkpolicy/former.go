package networkpolicy

import (
	"context"
	"fmt"
	"strings"
)

const (
	formerRoot   = "KUBE-NWPLCY"
	formerPrefix = "KUBE-NP-"
)

// removeFormer takes away the chains of iptables that this program kept before
// it had tables of its own: nobody would change them any more.
func removeFormer(ctx context.Context) error {
	text, err := run(ctx, "", "iptables-save", "-t", "filter")
	if err != nil {
		return err
	}
	if former := formerScript(string(text)); former != "" {
		_, err = run(ctx, former, "iptables-restore", "--noflush", "--wait", "5")
	}
	return err
}

// formerScript empties all of the chains before it deletes the first, so that
// none is in use by another.
func formerScript(present string) string {
	var jumps, flushes, deletions strings.Builder
	for _, line := range strings.Split(present, "\n") {
		if strings.HasPrefix(line, "-A FORWARD ") && strings.HasSuffix(line, " -j "+formerRoot) {
			fmt.Fprintf(&jumps, "-D%s\n", strings.TrimPrefix(line, "-A"))
		}
		if name, _, _ := strings.Cut(strings.TrimPrefix(line, ":"), " "); strings.HasPrefix(line, ":") &&
			(name == formerRoot || strings.HasPrefix(name, formerPrefix)) {
			fmt.Fprintf(&flushes, "-F %s\n", name)
			fmt.Fprintf(&deletions, "-X %s\n", name)
		}
	}
	if flushes.Len() == 0 {
		return ""
	}
	return "*filter\n" + jumps.String() + flushes.String() + deletions.String() + "COMMIT\n"
}
