package networkpolicy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// TableName is the name of all of our tables: whoever removes the cluster
// removes them by it.
const TableName = "mnist-lab-network-policy"

var (
	// protocols are those that a policy can name, in the order of their rules.
	protocols = []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}
	// protocolNumber are their numbers: names need /etc/protocols.
	protocolNumber = map[corev1.Protocol]int{
		corev1.ProtocolTCP: 6, corev1.ProtocolUDP: 17, corev1.ProtocolSCTP: 132,
	}
	directions = []direction{egress, ingress}
)

// side says where in a packet the peer and the server are. Replies are judged
// by the same allowances as what they answer, with the sides exchanged: so a
// policy that changes holds for what is under way, too.
type side struct {
	name       string
	own, peer  string // address fields
	serverAddr string // address and port of who serves
	serverPort string
}

func sideOf(way direction, reply bool) side {
	s := side{"ingress", "ip daddr", "ip saddr", "ip daddr", "dport"}
	if way == egress {
		s = side{"egress", "ip saddr", "ip daddr", "ip daddr", "dport"}
	}
	if reply {
		s.name += "-reply"
		s.own, s.peer = s.peer, s.own
		s.serverAddr, s.serverPort = "ip saddr", "sport"
	}
	return s
}

var established = is("ct state", "established")

// tables are the rules as tables: one of IP packets, for the policies, one of
// the bridge's frames, where no pod may send in another's name, and one that
// counts connections.
func (r Rules) tables(bridge string) []table {
	return []table{r.policyTable(bridge), r.sourceTable(), r.connectionTable(bridge)}
}

func (r Rules) policyTable(bridge string) table {
	fromPods, toPods := is("iifname", quoted(bridge)), is("oifname", quoted(bridge))
	ipv6 := is("meta nfproto", "ipv6")
	drop := func(terms ...term) rule { return rule{terms, "drop"} }
	errors := rule{[]term{is("ct state", "related"), is("meta l4proto", "1")}, "accept"}
	known := set{name: "known", kind: "ipv4_addr"}
	itself := set{name: "itself", kind: "ipv4_addr . ipv4_addr"}
	for _, pod := range r.pods {
		address := addressOf(pod.address).String()
		known.elements = append(known.elements, address)
		itself.elements = append(itself.elements, address+" . "+address)
	}
	self := rule{[]term{is("ip saddr . ip daddr", "@itself")}, "accept"}
	reply := []term{established, is("ct direction", "reply")}
	t := table{family: "inet", sets: []set{known, itself}}
	t.chains = []chain{
		{name: "leave-pod", hook: hook("forward", -20), rules: slices.Concat([]rule{
			// Pods have no IPv6: no policy could speak of it.
			drop(fromPods, ipv6),
			drop(toPods, ipv6),
			drop(fromPods, isNot("ip saddr", "@known")),
			marking,
			errors,
		}, r.closedRules(), []rule{
			self,
			{reply, "goto leave-pod-reply"},
			{[]term{lookUp("ip saddr", "egress")}, ""},
		})},
		{name: "leave-pod-reply", rules: []rule{{[]term{lookUp("ip daddr", "egress-reply")}, ""}}},
		{name: "reach-pod", hook: hook("forward", -19), rules: []rule{
			// A connection to a pod that is gone ends, or its caller would wait for ever.
			{[]term{toPods, established, is("meta l4proto", "6"), isNot("ip daddr", "@known")},
				"reject with tcp reset"},
			drop(toPods, isNot("ip daddr", "@known")),
			errors,
			self,
			{reply, "goto reach-pod-reply"},
			{[]term{lookUp("ip daddr", "ingress")}, ""},
		}},
		{name: "reach-pod-reply", rules: []rule{{[]term{lookUp("ip saddr", "ingress-reply")}, ""}}},
		// What pods send to the machine; the machine itself reaches its pods.
		{name: "reach-machine", hook: hook("input", -20), rules: slices.Concat([]rule{
			drop(fromPods, ipv6),
			drop(fromPods, isNot("ip saddr", "@known")),
			errors,
			{reply, "accept"},
		}, r.closedRules(), []rule{
			{[]term{fromPods, lookUp("ip saddr", "machine")}, ""},
			{[]term{fromPods, lookUp("ip saddr", "egress")}, ""},
		})},
		{name: "refuse", rules: []rule{
			{[]term{established, is("meta l4proto", "6")}, "reject with tcp reset"},
			{nil, "reject with icmpx admin-prohibited"},
		}},
	}
	r.addBounds(&t)
	r.addSeats(&t)
	for _, way := range directions {
		for _, answer := range []bool{false, true} {
			r.addDirection(&t, way, sideOf(way, answer))
		}
	}
	return t
}

func hook(name string, priority int) string {
	return fmt.Sprintf("type filter hook %s priority %d; policy accept;", name, priority)
}

func quoted(word string) string { return `"` + word + `"` }

// addDirection adds the map from pods to their chains, and the chains.
func (r Rules) addDirection(t *table, way direction, s side) {
	places := set{name: s.name, kind: "ipv4_addr", to: "verdict"}
	made := map[string]bool{}
	for _, pod := range r.pods {
		guards := pod.guards[way]
		if guards == nil {
			continue
		}
		var names []string
		for _, g := range guards {
			names = append(names, g.name)
		}
		group := chainName(s.name+"-pods", names...)
		places.elements = append(places.elements,
			fmt.Sprintf("%s : goto %s", addressOf(pod.address), group))
		if made[group] {
			continue
		}
		made[group] = true
		all := chain{name: group, comment: strings.Join(names, " ")}
		for _, g := range guards {
			name := chainName(s.name, g.name)
			all.rules = append(all.rules, rule{nil, "jump " + name})
			if !made[name] {
				made[name] = true
				t.chains = append(t.chains, chain{name: name, comment: g.name, rules: g.rules(s)})
			}
		}
		all.rules = append(all.rules, rule{nil, "goto refuse"})
		t.chains = append(t.chains, all)
	}
	t.sets = append(t.sets, places)
}

// chainName is the same for the same subject, and short.
func chainName(kind string, subject ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(subject, " ")))
	return kind + "-" + hex.EncodeToString(sum[:10])
}

// rules are a guard's allowances as rules.
func (g *guard) rules(s side) []rule {
	var made []rule
	for _, allow := range g.allows {
		if terms, possible := allow.terms(s); possible {
			made = append(made, rule{terms, "accept"})
		}
	}
	return made
}

// terms are what a packet must match; not possible where nothing can.
func (a allowance) terms(s side) ([]term, bool) {
	var terms []term
	if a.peers != nil && (len(a.peers) != 1 || a.peers[0] != everywhere[0]) {
		if len(a.peers) == 0 {
			return nil, false
		}
		terms = append(terms, term{field: s.peer, values: words(a.peers, addressWord)})
	}
	protocol := strings.ToLower(string(a.protocol))
	switch {
	case a.protocol == "":
	case a.doors != nil:
		var values []string
		for _, d := range a.doors {
			values = append(values, fmt.Sprintf("%s . %d", addressOf(d.address), d.port))
		}
		field := fmt.Sprintf("%s . %s %s", s.serverAddr, protocol, s.serverPort)
		terms = append(terms, term{field: field, values: values})
	case a.ports != nil:
		terms = append(terms, term{field: protocol + " " + s.serverPort, values: words(a.ports, portWord)})
	default:
		terms = append(terms, is("meta l4proto", fmt.Sprint(protocolNumber[a.protocol])))
	}
	return terms, true
}

func words(some spans, word func(uint32) string) []string {
	var made []string
	for _, s := range some {
		if s.first == s.last {
			made = append(made, word(s.first))
		} else {
			made = append(made, word(s.first)+"-"+word(s.last))
		}
	}
	return made
}

func addressWord(number uint32) string { return addressOf(number).String() }

func portWord(number uint32) string { return fmt.Sprint(number) }

// sourceTable lets each port of the bridge send in the name of its own pod
// only, in IPv4 and ARP and nothing else.
func (r Rules) sourceTable() table {
	ports := set{name: "ports", kind: "ifname"}
	owners := set{name: "owners", kind: "ifname . ether_addr . ipv4_addr"}
	for _, claim := range r.claims {
		if claim.Interface == "" {
			continue
		}
		ports.elements = append(ports.elements, quoted(claim.Interface))
		owners.elements = append(owners.elements,
			fmt.Sprintf("%s . %s . %s", quoted(claim.Interface), claim.MAC, claim.Address))
	}
	return table{family: "bridge", sets: []set{ports, owners}, chains: []chain{
		{name: "source", hook: hook("prerouting", -310), rules: []rule{
			{[]term{is("iifname", "@ports")}, "goto pod"},
		}},
		{name: "pod", rules: []rule{
			{[]term{is("iifname . ether saddr . ip saddr", "@owners")}, "accept"},
			{[]term{is("iifname . ether saddr . arp saddr ip", "@owners")}, "accept"},
			{nil, "drop"},
		}},
	}}
}
