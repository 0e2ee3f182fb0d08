// Package claims is what the node's network and the program that enforces
// NetworkPolicies tell each other of pods' addresses: a file for each, and a
// socket at which one waits until the rules know of it.
package claims

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Directory is where both look, on the machine and in the program's pod.
const Directory = "/run/mnist-lab/network-policy"

const (
	suffix = ".json"
	socket = "gate.sock"
	// Done is the answer that says that the rules know of a pod.
	Done = "done"
)

var (
	containerForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$`)
	interfaceForm = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,15}$`)
)

// Claim is what the node's network has given to one pod: its address, and the
// port of the bridge at which it is reached.
type Claim struct {
	Container string     `json:"container"`
	Namespace string     `json:"namespace"`
	Name      string     `json:"name"`
	UID       string     `json:"uid"`
	Address   netip.Addr `json:"address"`
	Interface string     `json:"interface"`
	MAC       string     `json:"mac"`
}

// Validate says what of a claim no rule can be made from.
func (c Claim) Validate() error {
	switch mac, err := net.ParseMAC(c.MAC); {
	case !containerForm.MatchString(c.Container):
		return fmt.Errorf("%q is no container's name", c.Container)
	case c.UID == "":
		return fmt.Errorf("the container %s has no pod", c.Container)
	case !c.Address.Is4():
		return fmt.Errorf("the container %s has the address %s, which is not IPv4", c.Container, c.Address)
	case !interfaceForm.MatchString(c.Interface):
		return fmt.Errorf("%q is no interface's name", c.Interface)
	case err != nil || len(mac) != 6 || mac.String() != c.MAC:
		return fmt.Errorf("%q is no Ethernet address in lower case", c.MAC)
	}
	return nil
}

// Socket is the path of the socket in a directory.
func Socket(directory string) string { return filepath.Join(directory, socket) }

// Write records a claim; whoever had the address before has it no more.
func Write(directory string, claim Claim) error {
	if err := claim.Validate(); err != nil {
		return err
	}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return err
	}
	others, _ := List(directory)
	for _, other := range others {
		if other.Address == claim.Address && other.Container != claim.Container {
			if err := Remove(directory, other.Container); err != nil {
				return err
			}
		}
	}
	text, err := json.Marshal(claim)
	if err != nil {
		return err
	}
	path := filepath.Join(directory, claim.Container+suffix)
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Remove takes a claim back; it need not be there.
func Remove(directory, container string) error {
	if !containerForm.MatchString(container) {
		return fmt.Errorf("%q is no container's name", container)
	}
	err := os.Remove(filepath.Join(directory, container+suffix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// List returns the claims of a directory in order of their containers. One
// that cannot be read is left out, and said in the error: its address is then
// nobody's, which closes it.
func List(directory string) ([]Claim, error) {
	paths, err := filepath.Glob(filepath.Join(directory, "*"+suffix))
	if err != nil {
		return nil, err
	}
	var found []Claim
	var problems []error
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var claim Claim
		if err == nil {
			err = json.Unmarshal(text, &claim)
		}
		if err == nil {
			err = claim.Validate()
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", path, err))
			continue
		}
		found = append(found, claim)
	}
	return found, errors.Join(problems...)
}

// Await asks the program that enforces policies for a container's rules, and
// returns when they are applied.
func Await(ctx context.Context, directory, container string) error {
	var last error
	for {
		answer, err := ask(ctx, directory, container)
		if err == nil && answer == Done {
			return nil
		}
		if err == nil && answer != "" {
			return errors.New(answer)
		}
		if err != nil && ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the program that enforces NetworkPolicies (DaemonSet "+
				"kube-system/kube-network-policy) does not answer: %w", errors.Join(last, ctx.Err()))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Tell lets the program look again, without waiting for it.
func Tell(directory, container string) {
	conn, err := net.DialTimeout("unix", Socket(directory), time.Second)
	if err != nil {
		return // It is not there, and looks when it comes.
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	_, _ = fmt.Fprintln(conn, container)
}

func ask(ctx context.Context, directory, container string) (string, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", Socket(directory))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if _, err := fmt.Fprintln(conn, container); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(line), err
}
