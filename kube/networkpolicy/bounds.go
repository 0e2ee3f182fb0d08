package networkpolicy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// OpenAnnotation of a Namespace opens for its pods what the bounds close. A
// project's admin may not write its Namespace, as a policy in it: who runs the
// cluster does.
const OpenAnnotation = "lab.opendatahub.io/open-egress"

// The words of the annotation, beside ports of the machine such as tcp/8080.
const (
	openMachine   = "machine"   // every port of the machine
	openAddresses = "addresses" // every address that is closed
)

// Bounds are what pods do not reach, whatever the policies of their namespace
// say. Policies open what no other policy closes, so none could hold a learner
// who may write them.
type Bounds struct {
	trusted []string      // namespaces whose pods have no bounds
	closed  spans         // addresses that no pod reaches
	open    []machinePort // ports of the machine that every pod reaches
	// connections is how many connections one address, or all pods of a namespace
	// together, may have to one pod; 0: any number.
	connections int
}

// machinePort is a port of the machine, on whichever of its addresses.
type machinePort struct {
	protocol corev1.Protocol
	port     uint32
}

// bound is what a pod's address may not do.
type bound struct {
	address uint32
	machine bool          // only these ports of the machine
	open    []machinePort // sorted, each once
	closed  bool          // not to the closed addresses
}

// ParseBounds reads lists whose words are apart by commas: namespaces, blocks
// of IPv4 addresses, and ports such as tcp/6443; and how many connections one
// address, or all pods of a namespace together, may have to one pod.
func ParseBounds(trusted, closed, open string, connections int) (*Bounds, error) {
	if connections < 0 {
		return nil, fmt.Errorf("%d connections: it is 0 for any number, or more", connections)
	}
	bounds := &Bounds{trusted: listed(trusted), connections: connections}
	var blocks []span
	for _, word := range listed(closed) {
		block, is4, err := parsePrefix(word)
		if err != nil {
			return nil, fmt.Errorf("a closed address: %w", err)
		}
		if !is4 {
			return nil, fmt.Errorf("a closed address: %q is IPv6, which pods have none of: leave it out", word)
		}
		blocks = append(blocks, block)
	}
	bounds.closed = merged(blocks...)
	for _, word := range listed(open) {
		port, err := parseMachinePort(word)
		if err != nil {
			return nil, fmt.Errorf("an open port of the machine: %w", err)
		}
		bounds.open = append(bounds.open, port)
	}
	return bounds, nil
}

// listed are the words of a list.
func listed(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

func parseMachinePort(word string) (machinePort, error) {
	name, digits, _ := strings.Cut(word, "/")
	number, err := strconv.ParseUint(digits, 10, 16)
	protocol := corev1.Protocol(strings.ToUpper(name))
	if err != nil || number == 0 || protocolNumber[protocol] == 0 || name != strings.ToLower(name) {
		return machinePort{}, fmt.Errorf(
			"%q is no port: write it like tcp/8080, with tcp, udp or sctp and 1 to 65535", word)
	}
	return machinePort{protocol, uint32(number)}, nil
}

// bounded returns the bounds of each pod that has some.
func (c *compiler) bounded(bounds *Bounds) []bound {
	if bounds == nil {
		return nil
	}
	of := map[string]bound{}
	var made []bound
	for _, pod := range c.members {
		namespace := pod.pod.Namespace
		if slices.Contains(bounds.trusted, namespace) {
			continue
		}
		one, there := of[namespace]
		if !there {
			// Unknown namespaces have the bounds of any.
			one = c.boundOf(bounds, c.spaces[namespace])
			of[namespace] = one
		}
		if one.machine || one.closed {
			one.address = pod.address
			made = append(made, one)
		}
	}
	return made
}

// boundOf is the bound of a namespace's pods. A word that cannot be read opens
// nothing.
func (c *compiler) boundOf(bounds *Bounds, namespace *corev1.Namespace) bound {
	made := bound{machine: true, closed: len(bounds.closed) > 0, open: slices.Clone(bounds.open)}
	if namespace != nil {
		for _, word := range listed(namespace.Annotations[OpenAnnotation]) {
			switch word {
			case openMachine:
				made.machine = false
			case openAddresses:
				made.closed = false
			default:
				port, err := parseMachinePort(word)
				if err != nil {
					c.complain(namespace, "the annotation %s: %v; or %s for all of its ports, %s for the "+
						"addresses that are closed", OpenAnnotation, err, openMachine, openAddresses)
					continue
				}
				made.open = append(made.open, port)
			}
		}
	}
	slices.SortFunc(made.open, func(a, b machinePort) int { return strings.Compare(a.String(), b.String()) })
	made.open = slices.Compact(made.open)
	return made
}

func (p machinePort) String() string {
	return fmt.Sprintf("%s/%d", strings.ToLower(string(p.protocol)), p.port)
}

// addBounds adds the pods that are bound, and the chains of the ports that each
// of them reaches on the machine.
func (r Rules) addBounds(t *table) {
	kept := set{name: "kept-from-addresses", kind: "ipv4_addr"}
	places := set{name: "machine", kind: "ipv4_addr", to: "verdict"}
	made := map[string]bool{}
	for _, one := range r.bounds {
		address := addressOf(one.address).String()
		if one.closed {
			kept.elements = append(kept.elements, address)
		}
		if !one.machine {
			continue
		}
		var subject []string
		for _, port := range one.open {
			subject = append(subject, port.String())
		}
		name := chainName("machine-ports", subject...)
		places.elements = append(places.elements, address+" : jump "+name)
		if !made[name] {
			made[name] = true
			t.chains = append(t.chains, chain{name: name, comment: strings.Join(subject, " "),
				rules: machineRules(one.open)})
		}
	}
	t.sets = append(t.sets, kept, places)
}

// machineRules let packets to these ports go on to the policies.
func machineRules(open []machinePort) []rule {
	var made []rule
	for _, protocol := range protocols {
		var some []span
		for _, port := range open {
			if port.protocol == protocol {
				some = append(some, one(port.port))
			}
		}
		if len(some) > 0 {
			field := strings.ToLower(string(protocol)) + " dport"
			made = append(made, rule{[]term{{field: field, values: words(merged(some...), portWord)}}, "return"})
		}
	}
	return append(made, rule{nil, "goto refuse"})
}

// closedRules refuse what pods send to closed addresses.
func (r Rules) closedRules() []rule {
	if len(r.closed) == 0 {
		return nil
	}
	return []rule{{[]term{
		is("ip saddr", "@kept-from-addresses"), {field: "ip daddr", values: words(r.closed, addressWord)},
	}, "goto refuse"}}
}
